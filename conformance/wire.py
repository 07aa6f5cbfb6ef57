"""The kit's own codec: builds what a client may send, and worse, and takes apart what a server sends, unjudged.

Source: the protocol's section 1. Nothing here is shared with a server, so that no mistake is.
"""

import gzip
import json
from dataclasses import dataclass
from typing import Any, Final

REQUEST: Final = 0x1
REQUEST_AUDIO: Final = 0x2
RESPONSE: Final = 0x9
RESPONSE_AUDIO: Final = 0xB

NONE: Final = 0x0
JSON: Final = 0x1
GZIP: Final = 0x1

SAMPLE_RATE_HZ: Final = 16_000
BYTES_PER_MS: Final = SAMPLE_RATE_HZ * 2 // 1000
SHOWN_BYTES: Final = 12


def frame(
    kind: int,
    body: bytes,
    *,
    serialization: int = NONE,
    compression: int = NONE,
    sized: bool = True,
    words: int = 1,
    version: int = 1,
    size: int | None = None,
) -> bytes:
    """Lay out one frame, right or wrong.

    Args:
        body: the payload as it travels: already compressed, if `compression` says so.
        words: the header size; extra words are filled with a pattern.
        size: what the size field says, if not the truth.
    """
    header = bytes((version << 4 | words, kind << 4, serialization << 4 | compression, 0))
    extra = b"\xde\xad\xbe\xef" * max(0, words - 1)
    length = (len(body) if size is None else size).to_bytes(4, "big") if sized else b""
    return header + extra + length + body


def event_body(name: str, payload: Any = None) -> bytes:
    """The JSON of one event."""
    return json.dumps({"event": name, "payload": {} if payload is None else payload}, ensure_ascii=False).encode()


def event(name: str, payload: Any = None, **layout: Any) -> bytes:
    """An event as a client sends it."""
    return frame(REQUEST, event_body(name, payload), serialization=JSON, **layout)


def audio(pcm: bytes, **layout: Any) -> bytes:
    """PCM as a client sends it."""
    return frame(REQUEST_AUDIO, pcm, **layout)


def zipped(body: bytes) -> bytes:
    """As gzip, with no time stamp."""
    return gzip.compress(body, mtime=0)


@dataclass(frozen=True, slots=True)
class Down:
    """One message from the server, taken apart as far as it goes.

    Attributes:
        at: when it came, in seconds of the monotonic clock.
        raw: the message; a text message is kept as text.
        body: the payload, without turn number and size; None where the size does not fit.
        turn: the number before the size, where flags say that there is one.
    """

    at: float
    raw: bytes | str
    body: bytes | None
    turn: int | None
    content: dict[str, Any] | None

    @property
    def header(self) -> bytes:
        """The first four bytes; zeros where there are none."""
        return self.raw[:4].ljust(4, b"\0") if isinstance(self.raw, bytes) else bytes(4)

    @property
    def kind(self) -> int:
        """The message type."""
        return self.header[1] >> 4

    @property
    def flags(self) -> int:
        """The message-type-specific flags."""
        return self.header[1] & 0xF

    @property
    def is_audio(self) -> bool:
        """Whether it is sound."""
        return self.kind == RESPONSE_AUDIO

    @property
    def is_event(self) -> bool:
        """Whether it says it is an event."""
        return self.kind == RESPONSE

    @property
    def name(self) -> str:
        """The event's name, `audio`, or `?`."""
        if self.is_audio:
            return "audio"
        name = (self.content or {}).get("event")
        return name if isinstance(name, str) else "?"

    @property
    def payload(self) -> dict[str, Any]:
        """The event's payload; empty where it is none."""
        payload = (self.content or {}).get("payload")
        return payload if isinstance(payload, dict) else {}

    @property
    def code(self) -> str | None:
        """Of a BotError."""
        error = self.payload.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if self.name == "BotError" and isinstance(code, str) else None

    def shown(self) -> str:
        """For people: what it is, and its first bytes."""
        label = f"{self.name} {self.code}" if self.code else self.name
        return f"{label} [{hexed(self.raw)}]"


def take_apart(raw: bytes | str, at: float, *, bare: bool) -> Down:
    """Read a message without judging it."""
    if isinstance(raw, str) or len(raw) < 4:
        return Down(at, raw, None, None, None)
    body, turn = raw[4:], None
    if raw[1] & 0xF == 1 and len(body) >= 4:
        turn, body = int.from_bytes(body[:4], "big"), body[4:]
    if not bare:
        fits = len(body) >= 4 and int.from_bytes(body[:4], "big") == len(body) - 4
        return Down(at, raw, body[4:] if fits else None, turn, _content(raw, body[4:]))
    return Down(at, raw, body, turn, _content(raw, body))


def hexed(raw: bytes | str) -> str:
    """The first bytes as hex, and how many there are."""
    if isinstance(raw, str):
        return f"text {raw[:24]!r}"
    more = f" … {len(raw)} bytes" if len(raw) > SHOWN_BYTES else ""
    return raw[:SHOWN_BYTES].hex(" ") + more


def _content(raw: bytes, body: bytes) -> dict[str, Any] | None:
    if raw[1] >> 4 != RESPONSE:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
