"""The wires that callers speak: ours, the relay's far end, and pipecat's. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

STAMP_BYTES: Final = 8
"""Of the sender's monotonic clock, in ns, in front of the relay's frames of sound."""
EVENT_KIND: Final = 0x9
SOUND_KIND: Final = 0xB
MP3_BYTES_PER_MS: Final = 8
"""64 kbit/s."""

_HEAD_BYTES: Final = 8
_UP_HZ: Final = 16_000


@dataclass(frozen=True, slots=True)
class Sound:
    """Some of a reply; `sent_ns` only where the sender says it."""

    ms: float
    sent_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Something that is no sound, by our wire's name for it."""

    event: str
    payload: dict[str, Any]


class Dialect(Protocol):
    """How sound goes up, and what comes down."""

    def audio(self, pcm: bytes) -> bytes:
        """One message of the caller's sound."""

    def read(self, message: bytes) -> Sound | Told | None:
        """One message from the server; None where it does not matter."""


class Ours:
    """Our wire with MP3 at 64 kbit/s."""

    def audio(self, pcm: bytes) -> bytes:
        """An audio frame with a sized body."""
        return b"\x11\x20\x00\x00" + len(pcm).to_bytes(4, "big") + pcm

    def read(self, message: bytes) -> Sound | Told | None:
        """Sound by its size, events by their names."""
        if message[1] >> 4 == SOUND_KIND:
            return Sound((len(message) - _HEAD_BYTES) / MP3_BYTES_PER_MS)
        event = json.loads(message[_HEAD_BYTES:])
        return Told(event["event"], event["payload"])


class Relayed(Ours):
    """Through the relay: sound begins with its time stamp, events are only as long as ours."""

    def read(self, message: bytes) -> Sound | Told | None:
        """Sound alone."""
        if message[1] >> 4 != SOUND_KIND:
            return None
        sent_ns = int.from_bytes(message[_HEAD_BYTES : _HEAD_BYTES + STAMP_BYTES], "big")
        return Sound((len(message) - _HEAD_BYTES) / MP3_BYTES_PER_MS, sent_ns)


class Pipecat:
    """Its protobuf serializer's `Frame`: field 2 is audio (3 bytes, 4 rate, 5 channels), field 4 a message (1 JSON)."""

    def audio(self, pcm: bytes) -> bytes:
        """A frame of audio."""
        return _field(2, _field(3, pcm) + _number(4, _UP_HZ) + _number(5, 1))

    def read(self, message: bytes) -> Sound | Told | None:
        """Audio; and what our bot there tells of a reply, in our words."""
        for number, body in _fields(message):
            if number == 2 and isinstance(body, bytes):
                inner = dict(_fields(body))
                pcm, rate = inner.get(3, b""), inner.get(4, 0)
                if isinstance(pcm, bytes) and isinstance(rate, int) and rate:
                    return Sound(1000 * len(pcm) / 2 / rate)
            if number == 4 and isinstance(body, bytes):
                data = dict(_fields(body)).get(1, b"{}")
                told = json.loads(data) if isinstance(data, bytes) else {}
                return Told(told["event"], told["payload"]) if "event" in told else None
        return None


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Every field of a protobuf message that is a number or has a length."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        match key & 7:
            case 0:
                value, at = _read_varint(data, at)
                yield key >> 3, value
            case 2:
                size, at = _read_varint(data, at)
                yield key >> 3, data[at : at + size]
                at += size
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                return


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
