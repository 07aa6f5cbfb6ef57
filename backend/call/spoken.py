"""What the rules of both languages share: the three verdicts, and a text cut into words and its last mark. Pure."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

ENDS: Final = ".。!！?？"
"""Marks that end a sentence."""
_BREAKS: Final = ENDS + ",，、;；:：…—~～"
_TAIL: Final = re.compile(rf"[\s{re.escape(_BREAKS)}\"'”’)）]*$")


class Completeness(Enum):
    """How a text ends."""

    COMPLETE = "complete"
    OPEN = "open"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Clause:
    """A text, ready to be judged.

    Attributes:
        words: the text without the marks after its last word.
        last: what stands after the last mark inside `words`, or all of it.
        mark: the marks after the last word, without spaces.
    """

    words: str
    last: str
    mark: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Cut it."""
        text = text.strip().lower().replace("’", "'")
        tail = _TAIL.search(text)
        words = text[: tail.start()] if tail else text
        mark = "".join(text[len(words) :].split())
        return cls(words, re.split(rf"[{re.escape(_BREAKS)}]+", words)[-1].strip(), mark)

    @property
    def asks(self) -> bool:
        """The recogniser heard a question."""
        return "?" in self.mark or "？" in self.mark

    @property
    def ends(self) -> bool:
        """The recogniser wrote the end of a sentence, and nothing that says it goes on."""
        return any(mark in ENDS for mark in self.mark) and "…" not in self.mark and ".." not in self.mark

    @property
    def goes_on(self) -> bool:
        """The recogniser wrote a mark that something follows."""
        return bool(self.mark) and not self.ends


def has_words(text: str) -> bool:
    """Whether anything was said: a lone punctuation mark is what noise looks like in text."""
    return any(character.isalnum() for character in text)
