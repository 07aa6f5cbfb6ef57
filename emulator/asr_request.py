"""The first message of a recognition: what the client asks for, and what the vendor refuses."""

import json
from dataclasses import dataclass
from typing import Any, Final

from emulator.link import INVALID_PARAMETERS, VendorError

BAD_FORMAT: Final = 45000151
FORMATS: Final = frozenset({"pcm", "wav", "ogg", "mp3"})

_RATE_HZ: Final = 16_000
_BITS: Final = 16
_END_WINDOW_MS: Final = 800
_SHORTEST_END_WINDOW_MS: Final = 200
_MOST_HOT_WORDS: Final = 100


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """Of one recognition."""

    audio_format: str
    channels: int
    end_window_ms: int
    force_to_speech_ms: int
    show_utterances: bool
    single: bool
    hot_words: tuple[str, ...]


def parse(payload: dict[str, Any]) -> AsrRequest:
    """Read the full client request; null counts as absent, and unknown keys are ignored.

    Raises:
        VendorError: a required field is missing or a value is not one of the vendor's.

    Source: docs 6561/1354869, the table of the full client request.
    """
    audio, request = _part(payload, "audio"), _part(payload, "request")
    if not _value(request, "model_name", ""):
        raise _invalid("request.model_name is required")
    if _value(audio, "rate", _RATE_HZ) != _RATE_HZ:
        raise _invalid(f"audio.rate must be {_RATE_HZ}")
    if _value(audio, "bits", _BITS) != _BITS:
        raise _invalid(f"audio.bits must be {_BITS}")
    result_type = _value(request, "result_type", "full")
    if result_type not in ("full", "single"):
        raise _invalid("request.result_type must be full or single")
    return AsrRequest(
        audio_format=_audio_format(audio),
        channels=_channels(audio),
        end_window_ms=_end_window_ms(request),
        force_to_speech_ms=_force_to_speech_ms(request),
        show_utterances=_value(request, "show_utterances", False),
        single=result_type == "single",
        hot_words=_hot_words(request.get("corpus")),
    )


def _audio_format(audio: dict[str, Any]) -> str:
    name: str = _value(audio, "format", "")
    if not name:
        raise _invalid("audio.format is required")
    if name not in FORMATS:
        raise VendorError(BAD_FORMAT, f"Invalid audio format: {name}")
    if name == "ogg" and _value(audio, "codec", "raw") != "opus":
        raise _invalid("audio.codec must be opus for ogg")
    return name


def _channels(audio: dict[str, Any]) -> int:
    channels: int = _value(audio, "channel", _value(audio, "channels", 1))
    if channels not in (1, 2):
        raise _invalid("audio.channel must be 1 or 2")
    return channels


def _end_window_ms(request: dict[str, Any]) -> int:
    window_ms: int = _value(request, "end_window_size", _END_WINDOW_MS)
    if window_ms < _SHORTEST_END_WINDOW_MS:
        raise _invalid(f"request.end_window_size must be at least {_SHORTEST_END_WINDOW_MS}")
    return window_ms


def _force_to_speech_ms(request: dict[str, Any]) -> int:
    """It needs `end_window_size`, and does nothing without."""
    speech_ms: int = _value(request, "force_to_speech_time", 0)
    if speech_ms < 0:
        raise _invalid("request.force_to_speech_time must be at least 1")
    return speech_ms if request.get("end_window_size") is not None else 0


def _hot_words(corpus: object) -> tuple[str, ...]:
    """The words of `corpus.context`, a JSON object as text; the service ignores what it cannot read there."""
    context = corpus.get("context") if isinstance(corpus, dict) else None
    try:
        listed = json.loads(context)["hotwords"] if isinstance(context, str) else []
        words = [entry["word"] for entry in listed]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ()
    return tuple(word for word in words if isinstance(word, str) and word)[:_MOST_HOT_WORDS]


def _part(payload: dict[str, Any], key: str) -> dict[str, Any]:
    part = payload.get(key)
    if not isinstance(part, dict):
        raise _invalid(f"{key} is required")
    return part


def _value(part: dict[str, Any], key: str, default: Any) -> Any:
    value = part.get(key)
    if value is None:
        return default
    if type(value) is not type(default):
        raise _invalid(f"{key} must be of type {type(default).__name__}")
    return value


def _invalid(reason: str) -> VendorError:
    return VendorError(INVALID_PARAMETERS, f"invalid request: {reason}")
