"""Cuts a sentence at its clauses, so that the first of its sound is ready early. Pure."""

import re
from collections.abc import Iterator
from typing import Final

CLAUSES: Final = re.compile(
    r".+?(?:[，。！？；：、…,!?;:]+[”’\"'）)]*(?=\D|$)|(?<!\b[DMS][rs])(?<!\bMrs)\.(?=\s|$)|$)\s*", re.DOTALL
)
READABLE: Final = re.compile(r"[^\W_]")
SYLLABLE: Final = re.compile(r"[\u3400-\u9fff]|\d|[^\W\d_]{1,3}")

FIRST_SYLLABLES: Final = 2
EARLY_SYLLABLES: Final = 8
LATER_SYLLABLES: Final = 22


def pieces(sentence: str) -> Iterator[str]:
    """The sentence in order, in one or more pieces; none when there is nothing to read out.

    The first is the first clause; each later one may be twice as long as the one before: it is made while that plays.
    """
    limit, held = FIRST_SYLLABLES, ""
    for clause in CLAUSES.findall(sentence.strip()):
        if (count := syllables(held)) >= FIRST_SYLLABLES and count + syllables(clause) > limit:
            yield held
            limit, held = min(LATER_SYLLABLES, max(EARLY_SYLLABLES, count * 2)), ""
        held += clause
    if READABLE.search(held):
        yield held


def syllables(text: str) -> int:
    """Roughly how long it takes to say, in syllables."""
    return len(SYLLABLE.findall(text))
