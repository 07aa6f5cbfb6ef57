"""What the rules of both languages share: the three verdicts, and a text cut into words and its last mark. Pure."""

import functools
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

_ENDS: Final = ".。!！?？"
_BREAKS: Final = f"{_ENDS},，、;；:：…—~～"
_TAIL: Final = re.compile(rf"[\s{re.escape(_BREAKS)}\"'”’)）]*$")
_BREAK: Final = re.compile(rf"[{re.escape(_BREAKS)}]+")
_WORD: Final = re.compile(r"[a-zA-Z0-9'’]+|[^\W_]")
_LONGEST: Final = 120
"""Of a last clause without any mark, the end alone is looked at."""


class Completeness(Enum):
    """How a text ends: whole, in a way that tells nothing, against its own full stop, or in the middle of a thought."""

    COMPLETE = "complete"
    OPEN = "open"
    DOUBTFUL = "doubtful"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Clause:
    """The end of a text, ready to be judged; in lower case.

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
        return cls(words, _BREAK.split(words)[-1].strip()[-_LONGEST:], mark)

    @property
    def asks(self) -> bool:
        """The recogniser heard a question."""
        return "?" in self.mark or "？" in self.mark

    @property
    def ends(self) -> bool:
        """The recogniser ended the sentence."""
        return any(mark in _ENDS for mark in self.mark) and "…" not in self.mark and ".." not in self.mark

    @property
    def goes_on(self) -> bool:
        """The recogniser wrote a mark that something follows."""
        return bool(self.mark) and not self.ends


def verdict(clause: Clause, *, whole: bool, seems_to_go_on: bool) -> Completeness:
    """On a text whose words alone do not say that more comes.

    A full stop makes no statement complete: recognisers put one into many a pause. It only casts doubt on a seeming.

    Args:
        whole: nothing is missing, by its words.
        seems_to_go_on: something is.
    """
    if seems_to_go_on:
        return Completeness.DOUBTFUL if clause.ends else Completeness.UNFINISHED
    if whole:
        return Completeness.OPEN if clause.goes_on else Completeness.COMPLETE
    return Completeness.UNFINISHED if clause.goes_on else Completeness.OPEN


def any_of(words: str) -> str:
    """A group for an expression, out of words with commas between them."""
    return f"(?:{'|'.join(word.strip() for word in words.split(','))})"


class Pattern:
    """An expression that is compiled when it is first used, or by `compile_all`.

    Attributes:
        pattern: as `re.Pattern.pattern`.
    """

    def __init__(self, expression: str) -> None:
        self.pattern = expression

    @functools.cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def search(self, text: str) -> re.Match[str] | None:
        """As `re.Pattern.search`."""
        return self._compiled.search(text)

    def sub(self, by: str, text: str) -> str:
        """As `re.Pattern.sub`."""
        return self._compiled.sub(by, text)

    def compile(self) -> None:
        """Now, if it has not been."""
        _ = self._compiled


_PATTERNS: Final[list[Pattern]] = []


def pattern(*alternatives: str) -> Pattern:
    """One expression out of several."""
    made = Pattern("|".join(f"(?:{each})" for each in alternatives))
    _PATTERNS.append(made)
    return made


def compile_all() -> None:
    """What the first utterance would wait for, and the start of a server need not: a tenth of a second."""
    for each in _PATTERNS:
        each.compile()


def has_words(text: str) -> bool:
    """Whether anything was said: a lone punctuation mark is what noise looks like in text."""
    return any(character.isalnum() for character in text)


def length(text: str) -> int:
    """How much was said, in Chinese characters; an English word is about as long as one and a half."""
    words: list[str] = _WORD.findall(text)
    return len(words) + len([word for word in words if word.isascii()]) // 2
