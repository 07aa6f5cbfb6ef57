"""The vendors' frames against the golden vectors, and against any bytes at all."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.protocol import speech
from backend.protocol.header import Compression, MessageType, Serialization
from backend.protocol.speech import SpeechFrame

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "volcengine.json").read_text(encoding="utf-8")
)
TRUNCATED_IN_THE_VENDORS_PAGE = {"realtime.server.tts_response.doc_truncated"}
WHOLE = [v for v in VECTORS if v["name"] not in TRUNCATED_IN_THE_VENDORS_PAGE]


@pytest.mark.parametrize("vector", WHOLE, ids=lambda v: v["name"])
def test_a_golden_frame_decodes_to_what_it_means(vector: dict[str, Any]) -> None:
    frame = speech.decode(bytes.fromhex(vector["hex"]))

    meaning = vector["decoded"]
    assert frame.message_type == meaning["header"]["message_type"]
    assert frame.sequence == meaning.get("sequence")
    assert frame.event == meaning.get("event")
    assert frame.ident == meaning.get("session_id", meaning.get("connection_id"))
    assert frame.error_code == meaning.get("error_code")
    assert frame.is_last == meaning.get("is_last", False)
    if "payload_json" in meaning:
        assert frame.json() == meaning["payload_json"]
    if "payload_hex" in meaning:
        assert frame.payload.hex() == meaning["payload_hex"]
    if "payload_sha256" in meaning:
        assert hashlib.sha256(frame.payload).hexdigest() == meaning["payload_sha256"]


@pytest.mark.parametrize(
    "vector",
    [v for v in WHOLE if v["decoded"]["header"]["compression"] == Compression.NONE],
    ids=lambda v: v["name"],
)
def test_a_golden_frame_that_is_not_compressed_encodes_to_the_same_bytes(vector: dict[str, Any]) -> None:
    golden = bytes.fromhex(vector["hex"])

    assert speech.encode(speech.decode(golden)) == golden


def test_a_frame_that_the_vendors_page_cut_short_is_refused() -> None:
    cut = next(v for v in VECTORS if v["name"] in TRUNCATED_IN_THE_VENDORS_PAGE)

    with pytest.raises(ProtocolError, match="size says 2044"):
        speech.decode(bytes.fromhex(cut["hex"]))


@pytest.mark.parametrize("size", ["", "00000003", "000000ff"])
def test_an_error_is_read_without_its_size_or_with_a_wrong_one(size: str) -> None:
    frame = speech.decode(bytes.fromhex("11f01000 02aea540" + size) + b'{"error":"quota"}')

    assert (frame.error_code, frame.json()) == (45000000, {"error": "quota"})


@pytest.mark.parametrize("size", ["", "00000000"])
def test_an_error_without_a_text_has_its_code(size: str) -> None:
    frame = speech.decode(bytes.fromhex("11f01000 02aea540" + size))

    assert (frame.error_code, frame.json()) == (45000000, {})


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"\x11\x94\x11\x00" + tail))
def test_any_bytes_give_a_frame_or_a_protocol_error(data: bytes) -> None:
    try:
        frame = speech.decode(data)
    except ProtocolError:
        return
    assert isinstance(frame, SpeechFrame)


frames = st.builds(
    SpeechFrame,
    message_type=st.sampled_from([MessageType.CLIENT_REQUEST, MessageType.CLIENT_AUDIO, MessageType.SERVER_RESPONSE]),
    payload=st.binary(max_size=200),
    serialization=st.sampled_from(Serialization),
    compression=st.sampled_from(Compression),
    sequence=st.none() | st.integers(-(2**31), 2**31 - 1),
    event=st.just(200),
    ident=st.text(max_size=40),
)


@given(frames)
def test_what_is_encoded_decodes_to_itself(frame: SpeechFrame) -> None:
    decoded = speech.decode(speech.encode(frame))

    assert (decoded.payload, decoded.sequence, decoded.event, decoded.ident) == (
        frame.payload,
        frame.sequence,
        frame.event,
        frame.ident,
    )


def test_a_gzip_payload_is_bounded_by_what_it_inflates_to() -> None:
    bomb = SpeechFrame(MessageType.SERVER_RESPONSE, bytes(100_000), compression=Compression.GZIP)

    with pytest.raises(ProtocolError, match="more than 1000 bytes"):
        speech.decode(speech.encode(bomb), max_bytes=1000)
