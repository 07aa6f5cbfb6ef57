"""The speech vendors' dialect of the frame: sequence numbers, events, ids and error codes.

Serves both ends: the adapters in `providers/volcengine` and the emulator.

Source: Volcengine "大模型流式语音识别API" and "双向流式 WebSocket-V3" (docs 6561/1354869 and 6561/1329505).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from backend.errors import ProtocolError
from backend.protocol.header import (
    SIZE_BYTES,
    Compression,
    Header,
    MessageType,
    Serialization,
    decode_header,
    deflate,
    inflate,
)
from backend.protocol.json_text import parse_json

SEQUENCE_BIT: Final = 0b0001
LAST_BIT: Final = 0b0010
EVENT_BIT: Final = 0b0100

STATUS_OK: Final = 20000000

_GZIP_MAGIC: Final = b"\x1f\x8b"
_INT32 = struct.Struct(">i")
_UINT32 = struct.Struct(">I")


class SpeechEvent(IntEnum):
    """Event numbers of bidirectional synthesis."""

    START_CONNECTION = 1
    FINISH_CONNECTION = 2
    CONNECTION_STARTED = 50
    CONNECTION_FAILED = 51
    CONNECTION_FINISHED = 52
    START_SESSION = 100
    CANCEL_SESSION = 101
    FINISH_SESSION = 102
    SESSION_STARTED = 150
    SESSION_CANCELED = 151
    SESSION_FINISHED = 152
    SESSION_FAILED = 153
    USAGE = 154
    TASK_REQUEST = 200
    SENTENCE_START = 350
    SENTENCE_END = 351
    AUDIO = 352
    TTS_ENDED = 359
    SUBTITLE = 364


_WITHOUT_ID: Final = frozenset({SpeechEvent.START_CONNECTION, SpeechEvent.FINISH_CONNECTION})


@dataclass(frozen=True, slots=True)
class SpeechFrame:
    """One message of a speech service, in either direction.

    Attributes:
        payload: already decompressed.
        sequence: present when flags bit 0 is set; negative on a last packet.
        event: present when flags bit 2 is set.
        ident: session id, or connection id in events 50 to 52; None where the event carries none.
        error_code: present in error frames only.
    """

    message_type: int
    payload: bytes = b""
    flags: int = 0
    serialization: int = Serialization.NONE
    compression: int = Compression.NONE
    sequence: int | None = None
    event: int | None = None
    ident: str | None = None
    error_code: int | None = None

    @property
    def is_last(self) -> bool:
        """The last packet of a recognition, or of its answer."""
        return bool(self.flags & LAST_BIT)

    def json(self) -> dict[str, Any]:
        """The payload as a JSON object; `{}` when it is empty.

        Raises:
            ProtocolError: it is no JSON object.
        """
        if not self.payload:
            return {}
        try:
            value = parse_json(self.payload)
        except (ValueError, RecursionError) as exc:
            raise ProtocolError("a payload is not JSON") from exc
        if not isinstance(value, dict):
            raise ProtocolError("a payload is not a JSON object")
        return value


def encode(frame: SpeechFrame) -> bytes:
    """Lay a frame out; its flags are completed from the fields that are set."""
    flags = frame.flags
    parts: list[bytes] = []
    if frame.error_code is not None:
        parts.append(_UINT32.pack(frame.error_code))
    if frame.sequence is not None:
        flags |= SEQUENCE_BIT
        parts.append(_INT32.pack(frame.sequence))
    if frame.event is not None:
        flags |= EVENT_BIT
        parts.append(_INT32.pack(frame.event))
        if frame.event not in _WITHOUT_ID:
            ident = (frame.ident or "").encode()
            parts += (_UINT32.pack(len(ident)), ident)
    body = deflate(frame.payload) if frame.compression == Compression.GZIP else frame.payload
    header = Header(frame.message_type, flags, frame.serialization, frame.compression)
    return b"".join((header.encode(), *parts, _UINT32.pack(len(body)), body))


def decode(data: bytes, *, max_bytes: int = 16 * 1024 * 1024) -> SpeechFrame:
    """Parse one message of a speech service; a size that disagrees with what follows is refused.

    An error is read however it is laid out, since the vendor's pages draw it without the size as well.

    Raises:
        ProtocolError: anything but a whole frame, or one that inflates to more than `max_bytes`.
    """
    header, at = decode_header(data)
    sequence = event = error_code = None
    ident = None
    if header.message_type == MessageType.ERROR:
        error_code, at = _read(_UINT32, data, at)
    if header.flags & SEQUENCE_BIT:
        sequence, at = _read(_INT32, data, at)
    if header.flags & EVENT_BIT:
        event, at = _read(_INT32, data, at)
        if event not in _WITHOUT_ID:
            ident, at = _read_text(data, at)
    payload = _rest(data, at) if header.message_type == MessageType.ERROR else _sized(data, at)
    if header.compression == Compression.GZIP and payload:
        payload = inflate(payload, max_bytes)
    elif header.compression not in (Compression.NONE, Compression.GZIP):
        raise ProtocolError(f"unknown compression {header.compression}")
    return SpeechFrame(
        header.message_type,
        payload,
        header.flags,
        header.serialization,
        header.compression,
        sequence,
        event,
        ident,
        error_code,
    )


def _read(field: struct.Struct, data: bytes, at: int) -> tuple[int, int]:
    if len(data) < at + field.size:
        raise ProtocolError("a frame ends inside its fields")
    value: int = field.unpack_from(data, at)[0]
    return value, at + field.size


def _sized(data: bytes, at: int) -> bytes:
    size, at = _read(_UINT32, data, at)
    if size != len(data) - at:
        raise ProtocolError(f"size says {size}, payload has {len(data) - at}")
    return data[at:]


def _rest(data: bytes, at: int) -> bytes:
    """An error's text, with or without its size before it, whatever that says."""
    begins_with_text = data[at : at + 1] in (b"{", _GZIP_MAGIC[:1])  # as a size it would be of hundreds of megabytes
    return data[at:] if begins_with_text or len(data) - at < SIZE_BYTES else data[at + SIZE_BYTES :]


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    size, at = _read(_UINT32, data, at)
    if len(data) < at + size + SIZE_BYTES:
        raise ProtocolError("an id is longer than its frame")
    try:
        return data[at : at + size].decode(), at + size
    except UnicodeDecodeError as exc:
        raise ProtocolError("an id is not UTF-8") from exc
