"""The frames between a client and this server: bytes to values and back.

Source: README, "Wire protocol", section 1.
"""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from backend.errors import EventError, ProtocolError
from backend.protocol.header import (
    HEADER_BYTES,
    SIZE_BYTES,
    VERSION,
    Compression,
    Header,
    MessageType,
    Serialization,
    decode_header,
    inflate,
)

MAX_INFLATED_BYTES: Final = 1024 * 1024
MAX_JSON_PARTS: Final = 16 * 1024
"""What makes JSON slow to read is not its length but its number of values."""
MAX_JSON_DEPTH: Final = 16
MAX_GZIP_RATIO: Final = 100
_ALWAYS_INFLATED_BYTES: Final = 128 * 1024
"""Four seconds of digital silence, which shrinks a thousandfold, are no bomb."""
TURN_FLAG: Final = 0b0001

_UINT32: Final = struct.Struct(">I")
_EVENT_HEADER: Final = Header(MessageType.SERVER_RESPONSE, 0, Serialization.JSON, Compression.NONE)
_AUDIO_HEADER: Final = Header(MessageType.SERVER_AUDIO, 0, Serialization.NONE, Compression.NONE)
_PLAIN_AUDIO: Final = Header(MessageType.CLIENT_AUDIO, 0, Serialization.NONE, Compression.NONE).encode()
"""How nearly every message of a call begins: its header need not be taken apart."""


class Framing(Enum):
    """Whether a payload sent down is preceded by its size."""

    SIZED = "sized"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class EventFrame:
    """A JSON event. `turn` is on the wire only where the client asked for turn ids; 0 means outside any turn."""

    event: str
    payload: dict[str, Any]
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Sound: up PCM (signed 16-bit little-endian, mono, 16 kHz), down in the call's output format."""

    data: bytes
    turn: int | None = None


Frame = EventFrame | AudioFrame


def encode(frame: Frame, framing: Framing = Framing.SIZED) -> bytes:
    """Lay out one frame for the way down."""
    header, body = _header_and_body(frame)
    parts = [header.encode()]
    if frame.turn is not None:
        parts[0] = bytes((parts[0][0], parts[0][1] | TURN_FLAG, *parts[0][2:]))
        parts.append(_UINT32.pack(frame.turn))
    if framing is Framing.SIZED:
        parts.append(_UINT32.pack(len(body)))
    parts.append(body)
    return b"".join(parts)


def event_in(data: bytes, framing: Framing = Framing.SIZED) -> str | None:
    """The name of the event in a frame that `encode` laid out; None for sound."""
    if data[1] >> 4 != MessageType.SERVER_RESPONSE:
        return None
    body = HEADER_BYTES + (_UINT32.size if is_numbered(data) else 0) + (SIZE_BYTES if framing is Framing.SIZED else 0)
    name: str = json.loads(data[body:])["event"]
    return name


def is_numbered(data: bytes) -> bool:
    """Whether a frame that `encode` laid out carries a turn's number."""
    return bool(data[1] & TURN_FLAG)


def decode(data: bytes, max_inflated_bytes: int = MAX_INFLATED_BYTES) -> Frame:
    """Parse one client message, with every tolerance that clients in the field need.

    Args:
        max_inflated_bytes: of a gzip body; never more of it than this is held.

    Raises:
        ProtocolError: not a frame that a client may send.
        EventError: a whole frame whose JSON is no event at all.
    """
    if data.startswith(_PLAIN_AUDIO):
        return AudioFrame(_unwrapped(_without_size(data[HEADER_BYTES:]), max_inflated_bytes))
    header, start = decode_header(data)
    if header.message_type == MessageType.CLIENT_AUDIO:
        return AudioFrame(_unwrapped(_payload(header, data[start:], max_inflated_bytes), max_inflated_bytes))
    if header.message_type == MessageType.CLIENT_REQUEST:
        return _event(_payload(header, data[start:], max_inflated_bytes))
    raise ProtocolError(f"a client sends no message of type {header.message_type}")


def well_formed(text: str) -> str:
    """The text with U+FFFD where JSON's escapes have made half a character, which UTF-8 cannot say."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _header_and_body(frame: Frame) -> tuple[Header, bytes]:
    if isinstance(frame, AudioFrame):
        return _AUDIO_HEADER, frame.data
    content = {"event": frame.event, "payload": frame.payload}
    return _EVENT_HEADER, well_formed(json.dumps(content, ensure_ascii=False, separators=(",", ":"))).encode()


def _payload(header: Header, body: bytes, max_inflated_bytes: int) -> bytes:
    """The body without its size, if it has one, and inflated."""
    body = _without_size(body)
    if header.compression == Compression.NONE:
        return body
    if header.compression == Compression.GZIP:
        return inflate(body, min(max_inflated_bytes, max(_ALWAYS_INFLATED_BYTES, MAX_GZIP_RATIO * len(body))))
    raise ProtocolError(f"unknown compression {header.compression}")


def _without_size(body: bytes) -> bytes:
    if len(body) >= SIZE_BYTES and _UINT32.unpack_from(body)[0] == len(body) - SIZE_BYTES:
        return body[SIZE_BYTES:]
    return body


def _unwrapped(payload: bytes, max_inflated_bytes: int) -> bytes:
    """Take the vendor's web client's second wrapping off, if the payload is a whole sized audio frame itself."""
    if len(payload) < HEADER_BYTES + SIZE_BYTES or payload[0] >> 4 != VERSION:
        return payload
    try:
        header, start = decode_header(payload)
    except ProtocolError:
        return payload
    size_at = start + SIZE_BYTES
    consistent = (
        header.message_type == MessageType.CLIENT_AUDIO
        and len(payload) >= size_at
        and _UINT32.unpack_from(payload, start)[0] == len(payload) - size_at
    )
    return _payload(header, payload[start:], max_inflated_bytes) if consistent else payload


def _event(payload: bytes) -> EventFrame:
    if payload.count(b",") + payload.count(b"[") + payload.count(b"{") > MAX_JSON_PARTS:
        raise ProtocolError(f"an event has at most {MAX_JSON_PARTS} commas and brackets")
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("an event is not JSON") from exc
    if not _is_shallow(content):
        raise ProtocolError(f"an event is nested at most {MAX_JSON_DEPTH} deep")
    if not isinstance(content, dict):
        raise EventError("an event is a JSON object")
    name, event_payload = content.get("event"), content.get("payload", {})
    if not isinstance(name, str):
        raise EventError('an event has a name: {"event": NAME, "payload": {...}}')
    if not isinstance(event_payload, dict):
        raise EventError(f"the payload of {name[:64]} is not a JSON object")
    return EventFrame(name, event_payload)


def _is_shallow(content: object) -> bool:
    level = [content]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [child for each in level if isinstance(each, dict | list) for child in _children(each)]
        if not level:
            return True
    return False


def _children(each: dict[str, object] | list[object]) -> Iterable[object]:
    return each.values() if isinstance(each, dict) else each
