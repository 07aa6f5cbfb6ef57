"""Whether two hearings of the same speech agree: recognisers may differ in a word, not in a sentence."""

from difflib import SequenceMatcher
from typing import Final

ENOUGH: Final = 0.8


def alike(one: str, other: str) -> bool:
    """Of letters and digits alone, so that punctuation does not count."""
    return SequenceMatcher(None, _bare(one), _bare(other), autojunk=False).ratio() >= ENOUGH


def _bare(text: str) -> str:
    return "".join(char for char in text if char.isalnum())
