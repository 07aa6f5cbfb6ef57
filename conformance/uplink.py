"""Reads what a client sends, with the tolerance that section 1 grants it, and says which rule a wrong frame breaks."""

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, Final

from conformance import wire

MAX_INFLATED_BYTES: Final = 1024 * 1024
_GZIP_WINDOW: Final = 31


class Wrong(ValueError):  # noqa: N818
    """Not a frame that a client may send.

    Attributes:
        rule: the client's rule that it breaks.
        code: with which a server answers it.
    """

    def __init__(self, rule: str, how: str, code: str = "BadFrame") -> None:
        super().__init__(how)
        self.rule = rule
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """What a client says."""

    name: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Audio:
    """What a client's microphone hears; perhaps not yet whole samples."""

    pcm: bytes


def read(raw: bytes | str, max_inflated_bytes: int = MAX_INFLATED_BYTES) -> Event | Audio:
    """Take one message apart.

    Raises:
        Wrong: it breaks a rule.
    """
    if isinstance(raw, str):
        raise Wrong("client.binary", "a text message")
    kind, compression, body = _header(raw)
    payload = _payload(body, compression, max_inflated_bytes)
    if kind == wire.REQUEST_AUDIO:
        return Audio(_unwrapped(payload, max_inflated_bytes))
    return _event(payload)


def _header(raw: bytes) -> tuple[int, int, bytes]:
    if len(raw) < 4:
        raise Wrong("client.header", f"{len(raw)} bytes, where a header has 4")
    if raw[0] >> 4 != 1:
        raise Wrong("client.header", f"protocol version {raw[0] >> 4}")
    start = 4 * (raw[0] & 0xF)
    if not 4 <= start <= len(raw):
        raise Wrong("client.header", f"header size {raw[0] & 0xF} in a message of {len(raw)} bytes")
    if raw[1] >> 4 not in (wire.REQUEST, wire.REQUEST_AUDIO):
        raise Wrong("client.type", f"message type {raw[1] >> 4}")
    return raw[1] >> 4, raw[2] & 0xF, raw[start:]


def _payload(body: bytes, compression: int, max_inflated_bytes: int) -> bytes:
    if len(body) >= 4 and int.from_bytes(body[:4], "big") == len(body) - 4:
        body = body[4:]
    if compression == wire.NONE:
        return body
    if compression != wire.GZIP:
        raise Wrong("client.compression", f"compression {compression}")
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        payload = inflater.decompress(body, max_inflated_bytes + 1)
    except zlib.error as exc:
        raise Wrong("client.compression", "a body that says gzip and is not") from exc
    if len(payload) > max_inflated_bytes:
        raise Wrong("client.compression", f"a body that inflates to more than {max_inflated_bytes} bytes")
    if not inflater.eof:
        raise Wrong("client.compression", "a gzip body that ends too early")
    return payload


def _unwrapped(payload: bytes, max_inflated_bytes: int) -> bytes:
    try:
        kind, compression, body = _header(payload)
    except Wrong:
        return payload
    whole = kind == wire.REQUEST_AUDIO and len(body) >= 4 and int.from_bytes(body[:4], "big") == len(body) - 4
    return _payload(body, compression, max_inflated_bytes) if whole else payload


def _event(payload: bytes) -> Event:
    try:
        content = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise Wrong("client.json", "an event that is not JSON in UTF-8") from exc
    if not isinstance(content, dict):
        raise Wrong("client.event", "JSON that is no object", "BadEvent")
    name, event_payload = content.get("event"), content.get("payload", {})
    if not isinstance(name, str) or not isinstance(event_payload, dict):
        raise Wrong("client.event", "not {event: NAME, payload: {…}}", "BadEvent")
    return Event(name, event_payload)


def check_shape(event: Event) -> None:
    """Whether this is an event that a client may send, with a payload of its shape.

    Raises:
        Wrong: it is not.
    """
    payload = event.payload
    match event.name:
        case "BotUpdateConfig":
            for key, fits in KEYS.items():
                if key in payload and not fits(payload[key]):
                    raise Wrong("client.payload", f"{key} = {payload[key]!r}", "BadEvent")
        case "UserText":
            if not _is_text(payload.get("text"), 4000):
                raise Wrong("client.payload", "text is 1 to 4000 characters", "BadEvent")
        case "BotInterrupt":
            return
        case "PlaybackPosition":
            if not all(_is_count(payload.get(key)) for key in ("turn", "played_ms")):
                raise Wrong("client.payload", "turn and played_ms are whole numbers, 0 or more", "BadEvent")
        case _:
            raise Wrong("client.event", f"there is no event {event.name[:40]!r}", "BadEvent")


def check_sid(sid: str | None) -> None:
    """Whether a conversation may have this id; None names none.

    Raises:
        Wrong: it may not.
    """
    if sid is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", sid):
        raise Wrong("client.query", f"sid={sid[:70]}", "BadSession")


def check_resume(wish: str | None) -> None:
    """Whether a client may ask to be kept, or to go on, in this way; None asks for neither.

    Raises:
        Wrong: it may not.
    """
    if wish is not None and not re.fullmatch(r"true|false|[0-9]{1,9}:[0-9]{1,9}(:[A-Za-z0-9_-]{8,64})?", wish):
        raise Wrong("client.query", f"resume={wish[:70]}", "BadEvent")


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list_of_events(value: object) -> bool:
    names = ("SentencePartial", "BotInterrupted", "TurnMetrics", "SentenceUnspoken")
    return isinstance(value, list) and all(each in names for each in value)


def _is_factor(value: object) -> bool:
    return value is None or (type(value) in (int, float) and 0.5 <= value <= 2)  # type: ignore[operator]


def _is_emotion(value: object) -> bool:
    return value is None or (isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z-]{0,31}", value) is not None)


KEYS: Final = {
    "speaker": lambda value: _is_text(value, 128),
    "speech_rate": _is_factor,
    "volume": _is_factor,
    "emotion": _is_emotion,
    "delivery": lambda value: value in ("sentence", "stream"),
    "audio_format": lambda value: value in ("mp3", "pcm", "opus"),
    "sample_rate": lambda value: type(value) is int and value in (8_000, 16_000, 24_000, 48_000),
    "barge_in": lambda value: isinstance(value, bool),
    "persona": lambda value: _is_text(value, 64),
    "turn_ids": lambda value: isinstance(value, bool),
    "events": _is_list_of_events,
}
