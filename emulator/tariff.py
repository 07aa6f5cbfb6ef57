"""What the vendors charge, in CNY: the emulator's own list, written down apart from the server's.

Only what the services here serve; whatever else is asked for has no price.
"""

from decimal import Decimal
from typing import Final

_PER_HOUR: Final = {"volc.bigasr.sauc.duration": "4.5", "volc.seedasr.sauc.duration": "1"}
_PER_SECOND: Final = {
    "paraformer-realtime-v2": "0.00024",
    "fun-asr-realtime": "0.00033",
    "volc.bigasr.sauc.concurrent": "0",
    "volc.seedasr.sauc.concurrent": "0",
}
_PER_10_000: Final = {
    "cosyvoice-v1": "2",
    "cosyvoice-v2": "2",
    "cosyvoice-v3-flash": "1",
    "cosyvoice-v3-plus": "2",
    "seed-tts-1.0": "5",
    "volc.service_type.10029": "5",
    "seed-tts-2.0": "3",
    "seed-tts-1.0-concurr": "0",
    "seed-tts-2.0-concurr": "0",
}
_PER_MILLION: Final = {
    "doubao-seed-1-6-flash-250828": ("0.15", "0.03", "1.5"),
    "qwen-flash": ("0.15", "0.03", "1.5"),
    "qwen-turbo": ("0.3", "0.06", "0.6"),
    "qwen-plus": ("0.8", "0.16", "2"),
    "qwen-max": ("2.4", "0.48", "9.6"),
}


def of_sound(model: str, audio_ms: int) -> Decimal | None:
    """Of so much sound heard."""
    if model in _PER_HOUR:
        return Decimal(_PER_HOUR[model]) * audio_ms / 3_600_000
    return Decimal(_PER_SECOND[model]) * audio_ms / 1000 if model in _PER_SECOND else None


def of_characters(model: str, characters: int) -> Decimal | None:
    """Of so many characters spoken."""
    return Decimal(_PER_10_000[model]) * characters / 10_000 if model in _PER_10_000 else None


def of_tokens(model: str, prompt: int, cached: int, completion: int) -> Decimal | None:
    """Of a chat request, short as those of a call are."""
    if model not in _PER_MILLION:
        return None
    fresh, known, said = (Decimal(price) for price in _PER_MILLION[model])
    return (fresh * (prompt - cached) + known * cached + said * completion) / 1_000_000
