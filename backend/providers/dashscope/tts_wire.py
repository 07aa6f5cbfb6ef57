"""What a synthesis task asks for. Pure.

Source: Model Studio docs "cosyvoice-client-events", "cosyvoice-server-events".
"""

from typing import Any, Final

from backend.ports import SpeechOptions
from backend.providers.dashscope.config import CosyVoiceConfig
from backend.providers.dashscope.instruction import instruction
from backend.providers.dashscope.wire import Event, Run, count, part, said

SENTENCE_BEGIN: Final = "sentence-begin"
SENTENCE_END: Final = "sentence-end"

_NORMAL_VOLUME: Final = 50
_OPUS_KBIT_S: Final = 32


def run(config: CosyVoiceConfig, options: SpeechOptions) -> Run:
    """The task."""
    wishes: dict[str, Any] = {
        "text_type": "PlainText",
        "voice": options.voice,
        "format": options.audio_format,
        "sample_rate": options.sample_rate_hz,
        "volume": round(_NORMAL_VOLUME * options.volume),
        "rate": options.rate,
        "pitch": config.pitch,
    }
    if options.audio_format == "opus":
        wishes["bit_rate"] = _OPUS_KBIT_S
    if told := instruction(config.model, options.voice, config.instruction, options.emotion):
        wishes["instruction"] = told
    return Run("tts", "SpeechSynthesizer", config.model, wishes)


def kind_of(event: Event) -> str:
    """Which of its results an event is."""
    return said(event.output, "type")


def sentence_of(event: Event) -> str:
    """The text that a sentence's beginning or end names."""
    return said(event.output, "original_text")


def characters_of(event: Event) -> int | None:
    """What the task has cost so far, where the event says it."""
    return count(part(event.payload, "usage").get("characters"))
