"""What a synthesis session asks for, which voices there are, and what the vendor refuses."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from backend.protocol.json_text import parse_json
from emulator.encode import FORMATS, RATES_HZ, Sound
from emulator.engines.base import SpeakOptions
from emulator.link import BAD_REQUEST, INVALID_PARAMETERS, SERVER_ERROR, VendorError

SPEAKER_EMPTY: Final = 45002000

_BIT_RATES: Final = (64_000, 160_000)
_LONGEST_SILENCE_MS: Final = 30_000
_RATE_RANGE: Final = (-50, 100)


class Family(Enum):
    """Kinds of voices; a resource id pays for one of them."""

    TTS_1 = "1.0"
    TTS_2 = "2.0"
    CLONED = "cloned"
    CLONED_2 = "cloned 2.0"


RESOURCES: Final = {
    "seed-tts-1.0": Family.TTS_1,
    "seed-tts-1.0-concurr": Family.TTS_1,
    "volc.service_type.10029": Family.TTS_1,
    "volc.service_type.10048": Family.TTS_1,
    "seed-tts-2.0": Family.TTS_2,
    "seed-tts-2.0-concurr": Family.TTS_2,
    "seed-icl-1.0": Family.CLONED,
    "seed-icl-1.0-concurr": Family.CLONED,
    "volc.megatts.default": Family.CLONED,
    "volc.megatts.concurr": Family.CLONED,
    "seed-icl-2.0": Family.CLONED_2,
}
_ENDS_OF_1: Final = ("_bigtts", "_tob", "_streaming")


class SessionFailure(Exception):  # noqa: N818 - says what happened
    """The session ends with this status, as SessionFailed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class TtsRequest:
    """Of one synthesis session.

    Attributes:
        second: a voice of the 2.0 kind, whose session has one sentence pair around all its sound.
        timestamps: words with times in the sentence's end (1.0), or as subtitle events (2.0).
        silence_ms: of silence after all text.
    """

    sound: Sound
    speak: SpeakOptions
    second: bool
    timestamps: bool
    silence_ms: int


def parse(payload: dict[str, Any], resource: str) -> TtsRequest:
    """Read StartSession; null counts as absent, and unknown keys are ignored.

    Raises:
        SessionFailure: a required field is missing or a value is not one of the vendor's.
        VendorError: the voice is not of the kind that the resource pays for.

    Source: docs 6561/1329505, the table of request parameters.
    """
    params = _part(payload, "req_params")
    audio = _part(params, "audio_params")
    speaker = _value(params, "speaker", "")
    family = RESOURCES[resource]
    _check_speaker(speaker, family)
    second = family in (Family.TTS_2, Family.CLONED_2)
    return TtsRequest(
        sound=_sound(audio, params),
        speak=SpeakOptions(speaker, rate=_factor(audio, "speech_rate"), volume=_factor(audio, "loudness_rate")),
        second=second,
        timestamps=_value(audio, "enable_subtitle" if second else "enable_timestamp", False),
        silence_ms=_silence_ms(params),
    )


def _check_speaker(speaker: str, family: Family) -> None:
    if not speaker:
        raise SessionFailure(SPEAKER_EMPTY, "speaker is empty")
    own = _families(speaker)
    if not own:
        raise SessionFailure(BAD_REQUEST, "speaker permission denied: get resource id: access denied")
    if family not in own:
        raise VendorError(SERVER_ERROR, "resource ID is mismatched with speaker related resource")


def _families(speaker: str) -> frozenset[Family]:
    """Which resources pay for a voice, by the vendor's way of naming them; none for a name of another making."""
    if speaker.startswith("S_"):
        return frozenset({Family.CLONED, Family.CLONED_2})
    if speaker.startswith("saturn_") or "_uranus_" in speaker or "_saturn_" in speaker:
        return frozenset({Family.TTS_2})
    if speaker.endswith(_ENDS_OF_1) or speaker.startswith(("ICL_", "BV")):
        return frozenset({Family.TTS_1})
    return frozenset()


def _sound(audio: dict[str, Any], params: dict[str, Any]) -> Sound:
    name = _value(audio, "format", "mp3")
    known = next((known for known in FORMATS if known == name), None)
    if known is None:
        raise SessionFailure(INVALID_PARAMETERS, f"unsupported audio format: {name}")
    rate_hz = _value(audio, "sample_rate", 24_000)
    if rate_hz not in RATES_HZ:
        raise SessionFailure(INVALID_PARAMETERS, f"unsupported sample rate: {rate_hz}")
    bit_rate = _value(audio, "bit_rate", _BIT_RATES[0])
    if _additions(params).get("disable_default_bit_rate") is not True:
        bit_rate = min(max(bit_rate, _BIT_RATES[0]), _BIT_RATES[1])
    return Sound(known, rate_hz, bit_rate)


def _silence_ms(params: dict[str, Any]) -> int:
    silence_ms = _additions(params).get("silence_duration")
    if silence_ms is None:
        return 0
    if isinstance(silence_ms, bool) or not isinstance(silence_ms, int) or not 0 <= silence_ms <= _LONGEST_SILENCE_MS:
        raise SessionFailure(INVALID_PARAMETERS, f"silence_duration must be between 0 and {_LONGEST_SILENCE_MS}")
    return silence_ms


def _additions(params: dict[str, Any]) -> dict[str, Any]:
    """`req_params.additions`, a JSON object as text; what cannot be read there is ignored."""
    try:
        additions = parse_json(_value(params, "additions", ""))
    except (ValueError, RecursionError):
        return {}
    return additions if isinstance(additions, dict) else {}


def _factor(audio: dict[str, Any], key: str) -> float:
    percent = _value(audio, key, 0)
    low, high = _RATE_RANGE
    if not low <= percent <= high:
        raise SessionFailure(INVALID_PARAMETERS, f"{key} must be between {low} and {high}")
    return 1 + float(percent) / 100


def _part(payload: dict[str, Any], key: str) -> dict[str, Any]:
    part = payload.get(key)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise SessionFailure(INVALID_PARAMETERS, f"{key} must be an object")
    return part


def _value(part: dict[str, Any], key: str, default: Any) -> Any:
    value = part.get(key)
    if value is None:
        return default
    if type(value) is not type(default):
        raise SessionFailure(INVALID_PARAMETERS, f"{key} must be of type {type(default).__name__}")
    return value
