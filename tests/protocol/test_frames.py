"""The codec against the golden frames that the page's codec reads too, and against any bytes at all."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import EventError, ProtocolError
from backend.protocol import frames
from backend.protocol.events import parse_event
from backend.protocol.frames import AudioFrame, EventFrame, Framing, decode

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "frames.json").read_text(encoding="utf-8")
)["frames"]
DOWN = [v for v in VECTORS if v["direction"] == "down"]
UP = [v for v in VECTORS if v["direction"] == "up" and "meaning" in v]
BAD = [v for v in VECTORS if "error" in v]


def meant(vector: dict[str, Any]) -> EventFrame | AudioFrame:
    meaning = vector["meaning"]
    if meaning["kind"] == "audio":
        return AudioFrame(bytes.fromhex(meaning["data"]), meaning.get("turn"))
    return EventFrame(meaning["event"], meaning["payload"], meaning.get("turn"))


def receive(data: bytes) -> None:
    if isinstance(frame := frames.decode(data), EventFrame):
        parse_event(frame)


@pytest.mark.parametrize("vector", DOWN, ids=lambda v: v["name"])
def test_a_frame_down_is_the_golden_one_to_the_byte(vector: dict[str, Any]) -> None:
    assert frames.encode(meant(vector), Framing(vector["framing"])).hex() == vector["hex"]


@pytest.mark.parametrize("vector", UP, ids=lambda v: v["name"])
def test_a_golden_frame_up_decodes_to_what_it_means(vector: dict[str, Any]) -> None:
    assert frames.decode(bytes.fromhex(vector["hex"])) == meant(vector)


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["name"])
def test_a_bad_golden_frame_is_refused_with_its_code(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        receive(bytes.fromhex(vector["hex"]))

    assert refusal.value.code == vector["error"]


@given(
    st.binary(max_size=64)
    | st.tuples(st.sampled_from([b"\x11\x20\x00\x00", b"\x11\x10\x11\x00", b"\x11\x20\x01\x00"]), st.binary()).map(
        b"".join
    )
)
def test_any_bytes_give_a_frame_or_a_protocol_error(data: bytes) -> None:
    try:
        frame = frames.decode(data)
    except ProtocolError:
        return
    assert isinstance(frame, EventFrame | AudioFrame)


@given(st.binary())
def test_sized_audio_survives_whatever_it_looks_like_inside(pcm: bytes) -> None:
    wrapped = b"\x11\x20\x10\x00" + len(pcm).to_bytes(4, "big") + pcm
    twice = b"\x11\x20\x10\x00" + len(wrapped).to_bytes(4, "big") + wrapped

    assert frames.decode(twice) == AudioFrame(pcm)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.sampled_from(["BotUpdateConfig", "UserText", "BotInterrupt", "PlaybackPosition", "Other"]),
    st.dictionaries(
        st.sampled_from(["speaker", "delivery", "sample_rate", "events", "turn_ids", "text", "turn", "played_ms"]),
        json_values,
    ),
)
def test_any_payload_gives_an_event_or_an_event_error(name: str, payload: dict[str, Any]) -> None:
    try:
        parse_event(EventFrame(name, payload))
    except EventError as exc:
        assert exc.code == "BadEvent"  # noqa: PT017 - an event or this error, both are right


def test_a_gzip_bomb_is_refused_at_the_bound() -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024))

    with pytest.raises(ProtocolError, match="more than 1048576 bytes"):
        frames.decode(b"\x11\x20\x01\x00" + bomb)


def test_deeply_nested_json_is_a_bad_frame_and_no_crash() -> None:
    body = b'{"event":' + b"[" * 200_000 + b"]" * 200_000 + b"}"

    with pytest.raises(ProtocolError):
        frames.decode(b"\x11\x10\x10\x00" + body)


def test_half_a_character_goes_down_as_a_replacement() -> None:
    frame = EventFrame("SentenceRecognized", {"sentence": "\ud83d \ud83d\ude00"})

    assert frames.encode(frame)[8:].decode() == '{"event":"SentenceRecognized","payload":{"sentence":"\ufffd 😀"}}'


def _event(content: bytes) -> bytes:
    return b"\x11\x10\x10\x00" + len(content).to_bytes(4, "big") + content


@pytest.mark.parametrize("depth", [17, 500, 5_000, 30_000])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_an_event_is_nested_only_so_deep(depth: int, begin: bytes, end: bytes) -> None:
    nested = begin * depth + b"0" + end * depth
    with pytest.raises(ProtocolError) as refused:
        decode(_event(b'{"event":"BotInterrupt","payload":{"a":' + nested + b"}}"))
    assert refused.value.code == "BadFrame"


def test_an_event_may_be_nested_a_little() -> None:
    nested = b"[" * 13 + b"]" * 13
    assert isinstance(decode(_event(b'{"event":"X","payload":{"a":' + nested + b"}}")), EventFrame)


def test_an_event_has_so_many_values_and_the_longest_words_fit() -> None:
    words = json.dumps({"event": "UserText", "payload": {"text": "\U0001f600" * 4000}}).encode()
    assert decode(_event(words))
    assert decode(_event(json.dumps({"event": "UserText", "payload": {"text": "," * 4000}}).encode()))
    with pytest.raises(ProtocolError, match="commas"):
        decode(_event(b'{"event":"UserText","payload":{"x":[1' + b",1" * 20_000 + b"]}}"))


def test_a_gzip_body_inflates_to_a_hundred_times_its_size_and_silence_to_more() -> None:
    def audio(pcm: bytes) -> bytes:
        packed = gzip.compress(pcm)
        return b"\x11\x20\x01\x00" + len(packed).to_bytes(4, "big") + packed

    assert decode(audio(bytes(128_000))) == AudioFrame(bytes(128_000))
    with pytest.raises(ProtocolError, match="inflates"):
        decode(audio(bytes(1_000_000)))
    noise = random.Random(1).randbytes(900_000)
    assert decode(audio(noise)) == AudioFrame(noise)
