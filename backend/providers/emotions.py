"""What voices can feel: one set of names for all vendors, and what each of them calls it.

Sources: Volcengine docs 6561/1257544 (multi-emotion voices); Model Studio docs "cosyvoice-client-events" (instruction).
"""

import logging
from typing import Final

log = logging.getLogger(__name__)

COMMON: Final = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted")
"""The names that every vendor's expressive voices have a word for."""

_DOUBAO: Final = {"fearful": "fear", "disgusted": "hate"}
_DOUBAO_FEELING: Final = "_emo_"
_COSYVOICE: Final = {"fear": "fearful", "hate": "disgusted"}
_COSYVOICE_INSTRUCTED: Final = frozenset({"longanyang", "longanhuan"})
_COSYVOICE_CLONE: Final = "cosyvoice-"
_REMEMBERED: Final = 256


def doubao(voice: str, emotion: str) -> str:
    """Doubao's word for it; empty where the voice has no emotions. The vendor's own words (`excited`) are passed on."""
    return _DOUBAO.get(emotion, emotion) if _DOUBAO_FEELING in voice else ""


def cosyvoice(model: str, voice: str, emotion: str) -> str:
    """CosyVoice's word for it; empty where the voice takes no instruction, or the vendor has no such word."""
    word = _COSYVOICE.get(emotion, emotion)
    return word if word in COMMON and takes_instruction(model, voice) else ""


def takes_instruction(model: str, voice: str) -> bool:
    """Whether this voice of CosyVoice's can be told how to speak; the others refuse to be."""
    if model.startswith("cosyvoice-v3.5"):
        return True
    if voice.startswith(_COSYVOICE_CLONE):
        return model == "cosyvoice-v3-flash"
    return model.startswith("cosyvoice-v3") and voice in _COSYVOICE_INSTRUCTED


def takes_set_sentences_only(voice: str) -> bool:
    """Whether the instructions that this voice takes are the vendor's own sentences, and no others."""
    return voice in _COSYVOICE_INSTRUCTED


def offered(provider: str, model: str, voice: str) -> tuple[str, ...]:
    """The emotions that a client may be offered for this voice."""
    felt = cosyvoice(model, voice, COMMON[0]) if provider == "dashscope" else doubao(voice, COMMON[0])
    return COMMON if felt else ()


class Unfelt:
    """Notes in the log, once for each voice, that something was asked for that it does not have."""

    def __init__(self) -> None:
        self._noted: set[tuple[str, str]] = set()

    def note(self, voice: str, emotion: str, felt: str) -> None:
        """What was asked for, and what the vendor is told of it."""
        if emotion and not felt and self._is_news(voice, emotion):
            log.info("tts.emotion_ignored", extra={"voice": voice, "emotion": emotion})

    def note_instruction(self, voice: str, own: str, told: str) -> None:
        """The operator's own instruction, and what the vendor is told."""
        if own and told != own and self._is_news(voice, own):
            log.warning("tts.instruction_ignored", extra={"voice": voice})

    def _is_news(self, voice: str, wish: str) -> bool:
        if (voice, wish) in self._noted or len(self._noted) >= _REMEMBERED:
            return False
        self._noted.add((voice, wish))
        return True
