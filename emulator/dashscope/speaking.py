"""What a synthesis task asks for, and which voices there are."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from emulator.dashscope import fields
from emulator.dashscope.wire import INVALID_PARAMETER, Command, TaskFailure
from emulator.encode import AudioFormat, Sound
from emulator.engines.base import SpeakOptions

MODELS: Final = (
    *("cosyvoice-v1", "cosyvoice-v2", "cosyvoice-v3-flash", "cosyvoice-v3-plus"),
    *("cosyvoice-v3.5-flash", "cosyvoice-v3.5-plus"),
)

_FORMATS: Final[dict[str, AudioFormat]] = {
    **{"Default": "mp3", "mp3": "mp3", "pcm": "pcm", "wav": "wav", "opus": "ogg_opus"},
}
_RATES_HZ: Final = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)
_DEFAULT_RATE_HZ: Final = 22_050
_MP3_BIT_RATE: Final = 64_000
_V2_WITHOUT_SUFFIX: Final = frozenset(
    (
        *("longyingcui", "longyingda", "longanwen", "longanyun", "longanli", "longanlang"),
        *("longhuhu", "longanyue", "longdaiyu"),
    )
)
_V3_BENCHMARK: Final = frozenset({"longanyang", "longanhuan"})
_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_INSTRUCTION_UNITS: Final = 100
_FEELINGS: Final = "neutral|fearful|angry|sad|surprised|happy|disgusted"
_INSTRUCTION: Final = re.compile(rf"(?:.*[，。])?你说话的情感是(?:{_FEELINGS})。")
"""What the vendor's own voices can be told; a scene, a role or an identity may stand before it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run-task wants.

    Attributes:
        single: all text has to come in one piece (SSML).
        timestamps: words with times in the sentence's end.
    """

    sound: Sound
    speak: SpeakOptions
    single: bool
    timestamps: bool


def units(text: str) -> int:
    """Characters as the service counts and bills them: a Han character is two."""
    return len(text) + len(_HAN.findall(text))


def parse(command: Command, cloned: Collection[str]) -> Asked:
    """Read a run-task.

    Args:
        cloned: ids of the account's own voices that are ready.

    Raises:
        TaskFailure: the service would not begin it.
    """
    model = str(command.payload["model"])
    if model not in MODELS:
        raise TaskFailure("ModelNotFound", "Model not found")
    wanted = fields.parameters(command)
    voice = fields.text(wanted, "voice")
    if not voice:
        raise TaskFailure(INVALID_PARAMETER, "Request voice is invalid!")
    if not _fits(voice, model, cloned) or not _heeds(voice, model, fields.text(wanted, "instruction")):
        raise TaskFailure(INVALID_PARAMETER, "[tts:]Engine return error code: 418")
    rate = fields.number(wanted, "rate", 1.0, 0.5, 2.0)
    fields.number(wanted, "pitch", 1.0, 0.5, 2.0)
    volume = fields.number(wanted, "volume", 50, 0, 100) / 50
    return Asked(
        _sound(wanted, model),
        SpeakOptions(voice, rate, volume),
        fields.flag(wanted, "enable_ssml"),
        fields.flag(wanted, "word_timestamp_enabled"),
    )


def _fits(voice: str, model: str, cloned: Collection[str]) -> bool:
    """Whether the voice is of this version; none works with another."""
    if voice.startswith("cosyvoice-"):
        return voice in cloned and voice.startswith(f"{model}-")
    if model.startswith("cosyvoice-v3.5"):
        return False
    if model == "cosyvoice-v3-plus":
        return voice in _V3_BENCHMARK
    if model == "cosyvoice-v3-flash":
        return voice in _V3_BENCHMARK or voice.endswith("_v3")
    is_v2 = voice.endswith("_v2") or voice in _V2_WITHOUT_SUFFIX
    named = voice.startswith(("long", "loong")) and not voice.endswith("_v3") and voice not in _V3_BENCHMARK
    return named and is_v2 == (model == "cosyvoice-v2")


def _heeds(voice: str, model: str, instruction: str) -> bool:
    """Whether the voice can be told so. The documents name no code of their own for one that cannot."""
    if not instruction:
        return True
    if units(instruction) > _INSTRUCTION_UNITS:
        return False
    if voice in _V3_BENCHMARK:
        return _INSTRUCTION.fullmatch(instruction) is not None
    return voice.startswith("cosyvoice-") and (model == "cosyvoice-v3-flash" or model.startswith("cosyvoice-v3.5"))


def _sound(wanted: dict[str, Any], model: str) -> Sound:
    name = fields.text(wanted, "format", "mp3")
    if name not in _FORMATS or (name == "opus" and model == "cosyvoice-v1"):
        raise fields.wrong("format")
    rate_hz = int(fields.number(wanted, "sample_rate", 0, 0, 48_000)) or _DEFAULT_RATE_HZ
    if rate_hz not in _RATES_HZ:
        raise fields.wrong("sample_rate")
    kbit_s = fields.number(wanted, "bit_rate", 32, 6, 510)
    return Sound(_FORMATS[name], rate_hz, round(kbit_s * 1000) if name == "opus" else _MP3_BIT_RATE)
