"""What a synthesis task asks for. Pure.

Source: Model Studio docs "cosyvoice-client-events", "cosyvoice-server-events".
"""

import re
from typing import Any, Final

from backend.ports import SpeechOptions
from backend.providers import emotions
from backend.providers.dashscope.config import CosyVoiceConfig
from backend.providers.dashscope.wire import Event, Run, count, part, said

SENTENCE_BEGIN: Final = "sentence-begin"
SENTENCE_END: Final = "sentence-end"

_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NORMAL_VOLUME: Final = 50
_OPUS_KBIT_S: Final = 32
_EMOTION: Final = "你说话的情感是{}。"
"""The vendor's own sentence, to the full stop."""


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
    if instruction := _instruction(config, options):
        wishes["instruction"] = instruction
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


def characters(text: str) -> int:
    """As the service counts them, where it does not tell: a Han character is two."""
    return len(text) + len(_HAN.findall(text))


def _instruction(config: CosyVoiceConfig, options: SpeechOptions) -> str:
    """Only models from v3 on take one."""
    if config.model.startswith(("cosyvoice-v1", "cosyvoice-v2")):
        return ""
    felt = emotions.cosyvoice(config.model, options.voice, options.emotion)
    return config.instruction or (_EMOTION.format(felt) if felt else "")
