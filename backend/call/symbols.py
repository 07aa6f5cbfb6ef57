"""Drops what has no sound: emoji of every kind, text faces, control characters."""

import unicodedata
from functools import lru_cache
from typing import Final

_VARIATION: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_JOINER: Final = "\u200d"
_KEYCAP: Final = "\u20e3"
_KEYS: Final = frozenset("0123456789#*")

# Blocks whose characters are pictures, boxes or arrows; what Unicode calls emoji outside of them is listed below.
_PICTURES: Final = (
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x2500, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1FBFF),
    (0xE0000, 0xE007F),
)
_LONE_PICTURES: Final = frozenset("\u00a9\u00ae\u2122\u2139\u24c2\u3030\u303d\u3297\u3299|\u2022\u2023")
_SOUNDED: Final = {"\u203c": "!", "\u2049": "?"}
_SILENT_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_KEPT_CONTROLS: Final = frozenset("\n\t\r\x0b\x0c\u200c")

_FACES = "^_^ ^o^ T_T T^T >_< >.< -_- =_= O_O o_o QAQ QwQ orz :) :-) :( :-( :D :-D :P :-P ;) ;-) =)"
FACES: Final = frozenset(_FACES.split())
_BEGINNINGS: Final = frozenset(face[:end] for face in FACES for end in range(1, len(face) + 1))

_COMMON: Final = 4096  # characters: more than a language needs


@lru_cache(_COMMON)
def is_silent(char: str) -> bool:
    """Whether a character has no place in text that is read aloud."""
    code = ord(char)
    if any(first <= code <= last for first, last in _PICTURES) or char in _LONE_PICTURES or char in _VARIATION:
        return True
    return char not in _KEPT_CONTROLS and unicodedata.category(char) in _SILENT_CATEGORIES


class Symbols:
    """Drops emoji: single, joined or coloured, flags, keycaps with their digit. Holds back two characters."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        held = self._held
        if not held:
            return self._fresh(char)
        if char in _VARIATION and len(held) == 1:
            self._held += char
            return ""
        self._held = ""
        return "" if char == _KEYCAP else held[0] + self._fresh(char)

    def end(self) -> str:
        """What was held back."""
        held, self._held = self._held[:1], ""
        return held

    def _fresh(self, char: str) -> str:
        if char in _KEYS:
            self._held = char
            return ""
        if char in _SOUNDED:
            return _SOUNDED[char]
        return "" if char == _KEYCAP or is_silent(char) else char


class Faces:
    """Drops faces of letters, such as `^_^` and `:-)`, that stand apart from words. Holds back three characters."""

    def __init__(self) -> None:
        self._before = " "
        self._held = ""

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        tried = self._held + char
        if self._is_begun(tried):
            self._held = tried
            return ""
        if self._held in FACES and not char.isalnum():
            self._held = ""
            return self.push(char)
        return self._release(tried)

    def end(self) -> str:
        """What was held back, unless it is a face."""
        held, self._held = self._held, ""
        return "" if held in FACES else held

    def _is_begun(self, tried: str) -> bool:
        return tried in _BEGINNINGS and not _is_latin(self._before)

    def _release(self, tried: str) -> str:
        self._held = ""
        self._before = tried[0]
        return tried[0] + "".join(map(self.push, tried[1:]))


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()
