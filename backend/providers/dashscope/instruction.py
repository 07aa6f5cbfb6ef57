"""Which instructions on how to speak a voice of CosyVoice takes. Pure.

Source: Model Studio docs "cosyvoice-client-events": `instruction`; voices marked Instruct know the vendor's own
sentences only, clones of the newer models take any words, and all others take none.
"""

import re
from typing import Final

from backend.providers import emotions

MOST_UNITS: Final = 100

_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_EMOTION: Final = "你说话的情感是{}。"
"""The vendor's own sentence, to the full stop; a scene, a role or an identity may stand before it."""
_TEMPLATE: Final = re.compile("(?:.*[，。])?" + _EMOTION.format(f"(?:{'|'.join(emotions.COMMON)})"))


def units(text: str) -> int:
    """Characters as the service counts them: a Han character is two."""
    return len(text) + len(_HAN.findall(text))


def instruction(model: str, voice: str, own: str, emotion: str) -> str:
    """What the voice is told: the operator's own text if it takes that one, else the sentence for the emotion."""
    if own and takes(model, voice, own):
        return own
    felt = emotions.cosyvoice(model, voice, emotion)
    return _EMOTION.format(felt) if felt else ""


def takes(model: str, voice: str, text: str) -> bool:
    """Whether the service begins a task of this voice with such an instruction."""
    if not emotions.takes_instruction(model, voice) or units(text) > MOST_UNITS:
        return False
    return not emotions.takes_set_sentences_only(voice) or _TEMPLATE.fullmatch(text) is not None
