"""The events of the wire: their names, and the shapes of what a client may say.

Source: README, "Wire protocol", sections 2 and 5.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from backend.errors import EventError, SessionIdError
from backend.protocol.frames import EventFrame, Framing, well_formed
from backend.protocol.position import Bookmark, parse_bookmark

CALL_PATH: Final = "/api/live_voice_call/chat"
"""Where calls are taken."""

BOT_READY: Final = "BotReady"
SENTENCE_RECOGNIZED: Final = "SentenceRecognized"
TTS_SENTENCE_START: Final = "TTSSentenceStart"
TTS_DONE: Final = "TTSDone"
BOT_ERROR: Final = "BotError"
SENTENCE_PARTIAL: Final = "SentencePartial"
BOT_INTERRUPTED: Final = "BotInterrupted"
TURN_METRICS: Final = "TurnMetrics"
SENTENCE_UNSPOKEN: Final = "SentenceUnspoken"

OPTIONAL_EVENTS: Final = frozenset({SENTENCE_PARTIAL, BOT_INTERRUPTED, TURN_METRICS, SENTENCE_UNSPOKEN})
SAMPLE_RATES_HZ: Final = (8000, 16000, 24000, 48000)
MAX_TEXT_CHARS: Final = 4000
MAX_SPEAKER_CHARS: Final = 128
MAX_PERSONA_CHARS: Final = 64
MAX_COUNT: Final = 2**31 - 1
"""A turn's number, and 24 days in milliseconds; JSON can say numbers that no clock holds."""
LEAST_FACTOR: Final = 0.5
MOST_FACTOR: Final = 2.0

_SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EMOTION: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,31}")
_NUMBER: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class CallConfig:
    """What the client has asked for. The defaults are what a client gets that asks for nothing.

    Attributes:
        speech_rate, volume: factors of the voice's own speed and loudness; None leaves them to the persona.
        emotion: None leaves it to the persona.
    """

    speaker: str | None = None
    speech_rate: float | None = None
    volume: float | None = None
    emotion: str | None = None
    delivery: Literal["sentence", "stream"] = "sentence"
    audio_format: Literal["mp3", "pcm", "opus"] = "mp3"
    sample_rate: int = 24000
    barge_in: bool = False
    persona: str | None = None
    turn_ids: bool = False
    events: frozenset[str] = frozenset()

    def merged(self, changes: Mapping[str, Any]) -> "CallConfig":
        """With `changes`, the values of a `ConfigUpdate`, laid over it."""
        return replace(self, **changes)


def unspoken_event(config: CallConfig) -> str:
    """How a client is told what could not be spoken."""
    return SENTENCE_UNSPOKEN if SENTENCE_UNSPOKEN in config.events else TTS_SENTENCE_START


def hears_silence(config: CallConfig) -> bool:
    """Whether what could not be spoken comes with silence: who asked for nothing gets no sentence without a sound."""
    return config.delivery == "sentence" and SENTENCE_UNSPOKEN not in config.events


@dataclass(frozen=True, slots=True)
class ConfigUpdate:
    """`BotUpdateConfig`: fields of `CallConfig`, checked. Unknown keys have been left out."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UserText:
    """A typed utterance."""

    text: str


@dataclass(frozen=True, slots=True)
class BotInterrupt:
    """Stop speaking now."""


@dataclass(frozen=True, slots=True)
class PlaybackPosition:
    """How much of a turn's audio the client's speaker has really played."""

    turn: int
    played_ms: int


ClientEvent = ConfigUpdate | UserText | BotInterrupt | PlaybackPosition


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks for in the URL.

    Attributes:
        sid: the conversation to take up, or None for a new one.
        problems: parameters that were ignored, each with the reason.
        keep: whether the call shall wait for its client when the connection is cut.
        bookmark: where the client left such a call, if it comes back to one.
    """

    sid: str | None
    framing: Framing
    config: CallConfig
    problems: tuple[str, ...] = ()
    keep: bool = False
    bookmark: Bookmark | None = None


def is_sid(text: str) -> bool:
    """Whether it can name a conversation."""
    return _SID.fullmatch(text) is not None


def parse_event(frame: EventFrame) -> ClientEvent:
    """What the client says.

    Raises:
        EventError: no event that a client may send, or a payload of the wrong shape.
    """
    payload = frame.payload
    match frame.event:
        case "BotUpdateConfig":
            return ConfigUpdate({key: check(payload[key]) for key, check in _CHECKS.items() if key in payload})
        case "UserText":
            return UserText(_text("text", MAX_TEXT_CHARS)(payload.get("text")))
        case "BotInterrupt":
            return BotInterrupt()
        case "PlaybackPosition":
            return PlaybackPosition(_count(payload, "turn"), _count(payload, "played_ms"))
        case _:
            raise EventError(f"unknown event {frame.event[:64]!r}")


def parse_query(parameters: Mapping[str, str], defaults: CallConfig | None = None) -> Query:
    """What the URL's parameters ask for, over `defaults`. A wrong value is ignored and named in `problems`.

    Raises:
        SessionIdError: a malformed `sid`.
    """
    sid = parameters.get("sid")
    if sid is not None and not is_sid(sid):
        raise SessionIdError("a sid is 1 to 64 of A-Z a-z 0-9 - _")
    changes: dict[str, Any] = {}
    problems: list[str] = []
    framing = parameters.get("framing", Framing.SIZED.value)
    if framing not in _FRAMINGS:
        problems.append(f"framing is one of {', '.join(_FRAMINGS)}")
    for key in _CHECKS.keys() & parameters.keys():
        try:
            changes[key] = _CHECKS[key](_from_text(key, parameters[key]))
        except EventError as exc:
            problems.append(str(exc))
    resume = parameters.get("resume", "false")
    bookmark = parse_bookmark(resume)
    keep = bookmark is not None or resume in {"true", "1"}
    if not keep and resume not in {"false", "0"}:
        problems.append("resume is true, false or TURN:FRAME:CALL")
    config = (defaults or CallConfig()).merged(changes)
    return Query(sid, _FRAMINGS.get(framing, Framing.SIZED), config, tuple(sorted(problems)), keep, bookmark)


def _from_text(key: str, value: str) -> object:
    match key:
        case "speech_rate" | "volume" | "emotion" if value == "null":
            return None
        case "sample_rate":
            return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else value
        case "speech_rate" | "volume":
            return float(value) if _NUMBER.fullmatch(value) else value
        case "barge_in" | "turn_ids":
            return {"true": True, "1": True, "false": False, "0": False}.get(value, value)
        case "events":
            return [name for name in value.split(",") if name]
        case _:
            return value


def _text(key: str, max_chars: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > max_chars:
            raise EventError(f"{key} is a text of 1 to {max_chars} characters, and not of blanks alone")
        return well_formed(value.strip())

    return check


def _factor(key: str) -> Callable[[object], float | None]:
    def check(value: object) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_FACTOR <= value <= MOST_FACTOR:
            raise EventError(f"{key} is a number from {LEAST_FACTOR} to {MOST_FACTOR}, or null for the persona's own")
        return float(value)

    return check


def _emotion(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _EMOTION.fullmatch(value)):
        return value
    raise EventError("emotion is a word of 1 to 32 letters, or null for the persona's own")


def _one_of(key: str, *allowed: object) -> Callable[[object], object]:
    def check(value: object) -> object:
        # `True == 1`: types are compared too
        if not any(value == choice and type(value) is type(choice) for choice in allowed):
            raise EventError(f"{key} is one of {', '.join(str(choice).lower() for choice in allowed)}")
        return value

    return check


def _event_names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise EventError("events is a list of names")
    if unknown := set(value) - OPTIONAL_EVENTS:
        raise EventError(f"events knows no {min(unknown)[:64]!r}; it knows {', '.join(sorted(OPTIONAL_EVENTS))}")
    return frozenset(value)


def _count(payload: Mapping[str, Any], key: str) -> int:
    value = payload.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise EventError(f"{key} is a whole number from 0 to {MAX_COUNT}")
    return value


_FRAMINGS: Final = {framing.value: framing for framing in Framing}
_CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "speaker": _text("speaker", MAX_SPEAKER_CHARS),
    "speech_rate": _factor("speech_rate"),
    "volume": _factor("volume"),
    "emotion": _emotion,
    "delivery": _one_of("delivery", "sentence", "stream"),
    "audio_format": _one_of("audio_format", "mp3", "pcm", "opus"),
    "sample_rate": _one_of("sample_rate", *SAMPLE_RATES_HZ),
    "barge_in": _one_of("barge_in", True, False),
    "persona": _text("persona", MAX_PERSONA_CHARS),
    "turn_ids": _one_of("turn_ids", True, False),
    "events": _event_names,
}
