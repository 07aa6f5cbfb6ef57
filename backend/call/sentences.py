"""Batches the model's tokens for the synthesiser: little at first, for an early start; then more, for a calm voice."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

WORD_CHARS: Final = 64
"""What looks like one word is cut after so many characters beyond the size of a chunk."""

_CLAUSE_MARKS: Final = frozenset("，。！？；：!?;\n")
_NUMBER_MARKS: Final = frozenset(",:")
_CONNECTS: Final = frozenset("'’-.,:_@/&%+~")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[^A-Za-z.])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|Mrs?|Ms|Dr|Prof|St|Jr|Sr|vs|etc|Mt|No)\.$", re.IGNORECASE
)


class Chunker:
    """Joined, the chunks are exactly what was fed. A chunk ends no later than the next character tells that it may.

    Args:
        first_chars: the first chunk is given once it has so many characters, or ends a clause.
        later_chars: the same for all that follow.
        unbatched: for a synthesiser that takes tokens as they come: everything is passed on at once.
    """

    def __init__(self, first_chars: int = 8, later_chars: int = 18, unbatched: bool = False) -> None:
        self._wanted = first_chars
        self._later_chars = later_chars
        self._unbatched = unbatched
        self._held = ""
        self._has_words = False

    def feed(self, text: str) -> list[str]:
        """Take some more text, give the chunks that are complete."""
        if self._unbatched:
            return [text] if text else []
        return [chunk for char in text for chunk in self._push(char)]

    def end(self) -> list[str]:
        """What is left. The reply is over; a new one needs a new `Chunker`."""
        return [self._take()] if self._held else []

    def _push(self, char: str) -> Iterator[str]:
        if self._may_cut(char):
            yield self._take()
        self._held += char
        self._has_words = self._has_words or char.isalnum()
        if self._may_cut(None):
            yield self._take()

    def _take(self) -> str:
        chunk, self._held = self._held, ""
        self._wanted = self._later_chars
        self._has_words = False
        return chunk

    def _may_cut(self, after: str | None) -> bool:
        if len(self._held) >= self._wanted + WORD_CHARS:
            return True
        if not self._has_words:
            return False
        if _ends_clause(self._held, after):
            return True
        return len(self._held) >= self._wanted and _is_apart(self._held[-1], after)


def _ends_clause(text: str, after: str | None) -> bool:
    """Whether the last character is a clause mark; `after` is the next one, None while it is not known."""
    last, before = text[-1], text[-2:-1]
    if last in _CLAUSE_MARKS:
        return True
    if last in _NUMBER_MARKS:
        return not before.isdecimal() or (after is not None and not after.isdecimal())
    if last != "." or after is None or after == "." or (after.isascii() and after.isalnum()):
        return False
    return _ABBREVIATION.search(text) is None


def _is_apart(last: str, after: str | None) -> bool:
    """Whether a cut between two characters leaves words, numbers and composed characters whole."""
    if after is None:
        return _is_han(last) or last.isspace()
    if "\udc00" <= after <= "\udfff" or unicodedata.category(after) in ("Mn", "Mc", "Me", "Cf"):
        return False
    if last == "\u200d" or unicodedata.category(after) == "Sk" or (_is_flag(last) and _is_flag(after)):
        return False
    if last.isdecimal() and _is_han(after):
        return False
    return not ((_is_word(last) or last in _CONNECTS) and (_is_word(after) or after in _CONNECTS))


def _is_word(char: str) -> bool:
    return char.isalnum() and not _is_han(char)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"
