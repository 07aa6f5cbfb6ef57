"""When each word of a written utterance is spoken, drawn from a seed: the same file gives the same times every time.

A line of `zh.txt` or `en.txt` is an id, a speaker and the words, with the places where the speaker falls silent:
`/` within a clause or after one that plainly goes on, `//` hesitating (after a filler, a connective, a lengthened or
repeated word, before a correction), `|` after a clause that could have been the end.
"""

import math
import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Pause:
    """How long one kind of silence is: log-normal, drawn again outside its bounds."""

    kind: str
    middle_ms: int
    spread: float
    least_ms: int
    most_ms: int

    def draw(self, chance: random.Random) -> int:
        """One of them."""
        while True:
            ms = round(chance.lognormvariate(math.log(self.middle_ms), self.spread))
            if self.least_ms <= ms <= self.most_ms:
                return ms


PAUSES: Final = {
    "/": Pause("word", 350, 0.35, 200, 700),
    "//": Pause("hesitation", 550, 0.4, 300, 1100),
    "|": Pause("clause", 400, 0.4, 200, 800),
}
SYLLABLES_PER_S: Final = {
    "lin": 5.2, "zhou": 4.3, "chen": 5.0, "mama": 3.8, "xiao": 4.6,
    "amy": 5.0, "ben": 4.3, "carol": 3.7, "dev": 5.0,
}  # fmt: skip
FILLERS: Final = frozenset({"嗯", "呃", "um", "uh"})
_TOKEN: Final = re.compile(r"//|/|\||[a-zA-Z0-9'’-]+[^\w\s/|]*|[^\W\d_][^\w\s/|]*")
_VOWELS: Final = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance as written: runs of words, and the silence after each run but the last."""

    id: str
    speaker: str
    runs: tuple[tuple[str, ...], ...]
    pauses: tuple[Pause, ...]

    @property
    def language(self) -> str:
        """`zh` or `en`."""
        return self.id[:2]

    def text(self, run: Sequence[str]) -> str:
        """The words of a run, as people write them."""
        return (" " if self.language == "en" else "").join(run)


def read(line: str) -> Line:
    """Parse one line."""
    name, speaker, words = line.split(" ", 2)
    runs: list[list[str]] = [[]]
    pauses = []
    for token in _TOKEN.findall(words):
        if token in PAUSES:
            pauses.append(PAUSES[token])
            runs.append([])
        else:
            runs[-1].append(token)
    return Line(name, speaker, tuple(map(tuple, runs)), tuple(pauses))


def bare(word: str) -> str:
    """A word without the mark that follows it."""
    return word.rstrip("".join(c for c in word if unicodedata.category(c).startswith("P") and c not in "'’-"))


def timed(line: Line, spoken_ms: Sequence[int] | None = None) -> dict[str, Any]:
    """The record of an utterance.

    Args:
        spoken_ms: how long each run takes, where that is known from sound; else it is drawn.
    """
    chance = random.Random(line.id)
    now_ms = chance.randint(200, 600)
    words: list[tuple[str, int, int]] = []
    pauses = []
    for place, run in enumerate(line.runs):
        lengths = _lengths_ms(line, run, chance)
        scale = spoken_ms[place] / sum(lengths) if spoken_ms else 1.0
        for word, length, until in _laid(run, lengths, scale, now_ms):
            words.append((word, until - length, until))
        now_ms = words[-1][2]
        if place < len(line.pauses):
            pause = line.pauses[place]
            silence_ms = pause.draw(chance)
            pauses.append({"after": len(words), "kind": pause.kind, "ms": silence_ms})
            now_ms += silence_ms
    text = line.text([word for run in line.runs for word in run])
    record = {"id": line.id, "language": line.language, "speaker": line.speaker, "text": text}
    return {**record, "end_ms": now_ms, "pauses": pauses, "words": words}


def _laid(run: Sequence[str], lengths: Sequence[float], scale: float, start_ms: int) -> list[tuple[str, int, int]]:
    """Each word with its length and its end."""
    laid, now = [], float(start_ms)
    for word, length in zip(run, lengths, strict=True):
        until = now + length * scale
        laid.append((word, round(until) - round(now), round(until)))
        now = until
    return laid


def _lengths_ms(line: Line, run: Sequence[str], chance: random.Random) -> list[float]:
    """Syllables at the speaker's rate; fillers are drawn out, and so is the last word before a silence."""
    each = []
    for word in run:
        ms = 1000 * _syllables(bare(word)) / SYLLABLES_PER_S[line.speaker] * chance.uniform(0.8, 1.2)
        each.append(max(120.0, ms * (1.6 if bare(word).lower() in FILLERS else 1.0)))
    each[-1] *= 1.25
    return each


def _syllables(word: str) -> int:
    return len(_VOWELS.findall(word.lower().removesuffix("e"))) or 1 if word.isascii() else 1
