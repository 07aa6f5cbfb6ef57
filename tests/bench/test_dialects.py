"""What goes up is what the servers read, and what comes down is what they wrote."""

import pytest

from backend.protocol.frames import AudioFrame, EventFrame, decode, encode
from bench.dialects import Ours, Pipecat, Sound, Told

PCM = bytes(range(256)) * 5


def test_our_server_reads_our_callers_sound() -> None:
    assert decode(Ours().audio(PCM)) == AudioFrame(PCM)


def test_our_servers_sound_is_as_long_as_its_bytes() -> None:
    assert Ours().read(encode(AudioFrame(bytes(1600)))) == Sound(200.0)


def test_our_servers_events_are_told_by_name() -> None:
    assert Ours().read(encode(EventFrame("TTSDone", {}))) == Told("TTSDone", {})


def test_pipecats_wire_is_the_protobuf_of_its_frames() -> None:
    # Frame{audio{audio: "abcd", sample_rate: 16000, num_channels: 1}}, as protoc encodes it
    assert Pipecat().audio(b"abcd").hex(" ") == "12 0b 1a 04 61 62 63 64 20 80 7d 28 01"


def test_pipecats_sound_is_as_long_as_its_rate_says() -> None:
    audio = bytes((0x08, 0x05, 0x12, 0x03)) + b"x#1" + b"\x1a\xe0\x03" + bytes(480) + b"\x20\xc0\xbb\x01\x28\x01"

    assert len(audio) == 0x70 + (3 << 7)
    assert Pipecat().read(b"\x12\xf0\x03" + audio) == Sound(10.0)


def test_pipecats_messages_are_our_bots_own() -> None:
    data = b'{"event": "TTSSentenceStart", "payload": {"sentence": "a"}}'
    body = b"\x0a" + bytes((len(data),)) + data

    assert Pipecat().read(b"\x22" + bytes((len(body),)) + body) == Told("TTSSentenceStart", {"sentence": "a"})


@pytest.mark.parametrize("message", [b"\x0a\x02\x0a\x00", b"\x22\x04\x0a\x02{}"])
def test_the_rest_of_pipecats_wire_does_not_matter(message: bytes) -> None:
    assert Pipecat().read(message) is None
