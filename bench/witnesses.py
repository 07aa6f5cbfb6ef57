"""What a recogniser and a voice activity detector would say of a turn, and when: models with seeded chance."""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from backend.ports import Hypothesis
from bench.turns import Turn, Word

END_WINDOW_MS: Final = 500
"""Silence after which the recogniser says `definite`: the server's default."""
LAG_MS: Final = (120, 350)
"""How far one session's text stays behind the sound, apart from a little each time."""
JITTER_MS: Final = 50
RESULT_EVERY_MS: Final = 100
DEFINITE_LAG_MS: Final = (60, 200)
WIRE_MS: Final = 60
TELLS_TIMES: Final = 0.7
"""Share of the sessions in which hypotheses that are not definite say where their last word ended."""
TIME_ERROR_MS: Final = 60
DROPS_FILLER: Final = 0.25
FILLERS: Final = frozenset({"嗯", "呃", "um", "uh"})
MARKS_SILENCE: Final = 0.5
"""How often a silence that is noticed puts a mark after the words so far, before anything is definite."""
NOTICES_MS: Final = 250
INSIDE: Final = (("。", 0.35), ("，", 0.45), ("", 0.2))
INSIDE_DEFINITE: Final = (("。", 0.75), ("，", 0.25))
AT_END: Final = 0.7
"""How often the mark at the very end is the right one; else it is a comma, or none."""
AT_END_DEFINITE: Final = 0.85
"""The same where the text is definite; else it is a full stop."""

ONSET_MS: Final = 96
OFFSET_MS: Final = 128
WINDOW_MS: Final = 32
DIP: Final = 0.01
"""Share of the words with a short silence inside that the detector takes for an end."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that a witness says at `at_ms` of the audio clock: a hypothesis, or speech beginning or ending."""

    at_ms: int
    says: "Hypothesis | Edge"


@dataclass(frozen=True, slots=True)
class Edge:
    """Speech began or ended."""

    speaking: bool
    at_ms: int


def recogniser(turn: Turn, end_window_ms: int = END_WINDOW_MS) -> list[News]:
    """All hypotheses of one session, in order."""
    return _Session(turn, end_window_ms).news()


def detector(turn: Turn) -> list[News]:
    """What voice activity detection tells, in order."""
    chance = random.Random(f"vad {turn.id}")
    return [News(edge.at_ms + _delay(edge, chance), edge) for edge in _edges(turn, chance)]


def _edges(turn: Turn, chance: random.Random) -> Iterator[Edge]:
    for start_ms, end_ms in turn.stretches:
        yield Edge(True, start_ms + chance.randint(-30, 30))
        for word in turn.words:
            if start_ms <= word.start_ms < end_ms - 400 and chance.random() < DIP:
                yield Edge(False, word.end_ms - 60)
                yield Edge(True, word.end_ms + chance.randint(100, 200))
        yield Edge(False, end_ms + chance.randint(-40, 60))


def _delay(edge: Edge, chance: random.Random) -> int:
    return (ONSET_MS if edge.speaking else OFFSET_MS) + chance.randint(0, WINDOW_MS)


class _Session:
    def __init__(self, turn: Turn, end_window_ms: int) -> None:
        self._turn = turn
        self._end_window_ms = end_window_ms
        self._chance = random.Random(f"asr {turn.id}")
        self._lag_ms = self._chance.uniform(*LAG_MS)
        self._tells = self._chance.random() < TELLS_TIMES
        self._words = [w for w in turn.words if w.text.lower() not in FILLERS or self._chance.random() >= DROPS_FILLER]
        self._marks = [word.mark for word in self._words]

    def news(self) -> list[News]:
        told = [*self._as_spoken(), *self._at_silences()]
        return list(_in_order(told))

    def _as_spoken(self) -> Iterator[News]:
        """The words so far, a little after each was said."""
        for count, word in enumerate(self._words, 1):
            at_ms = word.end_ms + self._lag_ms + self._chance.uniform(-JITTER_MS, JITTER_MS)
            slot_ms = -(-int(at_ms) // RESULT_EVERY_MS) * RESULT_EVERY_MS
            yield self._news(slot_ms, count, mark="", definite=False)

    def _at_silences(self) -> Iterator[News]:
        """A mark where silence is noticed, and `definite` where it has lasted long enough."""
        for count, (word, after) in enumerate(pairwise([*self._words, None]), 1):
            assert word is not None
            silence_ms = math.inf if after is None else after.start_ms - word.end_ms
            if silence_ms < NOTICES_MS:
                continue
            mark = self._end_mark(word) if after is None else self._pick(INSIDE)
            if after is not None:
                self._marks[count - 1] = mark
            marked_ms = NOTICES_MS + self._lag_ms
            if self._chance.random() < MARKS_SILENCE and marked_ms <= min(silence_ms, self._end_window_ms):
                yield self._news(round(word.end_ms + marked_ms), count, mark, definite=False)
            if silence_ms >= self._end_window_ms:
                final = self._definite_mark(word) if after is None else self._pick(INSIDE_DEFINITE)
                at_ms = round(word.end_ms + self._end_window_ms + self._chance.uniform(*DEFINITE_LAG_MS))
                yield self._news(at_ms, count, final, definite=True)

    def _end_mark(self, word: Word) -> str:
        return word.mark if self._chance.random() < AT_END else self._chance.choice((self._comma, ""))

    def _definite_mark(self, word: Word) -> str:
        right = word.mark not in {"……", "..."} and self._chance.random() < AT_END_DEFINITE
        return word.mark if right else self._stop

    def _pick(self, marks: Iterable[tuple[str, float]]) -> str:
        names, weights = zip(*marks, strict=True)
        mark: str = self._chance.choices(names, weights)[0]
        return {"。": self._stop, "，": self._comma}.get(mark, mark)

    @property
    def _comma(self) -> str:
        return "，" if self._turn.language == "zh" else ","

    @property
    def _stop(self) -> str:
        return "。" if self._turn.language == "zh" else "."

    def _news(self, at_ms: int, count: int, mark: str, *, definite: bool) -> News:
        words = self._words[:count]
        text = self._turn.written(words, [*self._marks[: count - 1], mark])
        off_ms = self._chance.randint(-TIME_ERROR_MS, TIME_ERROR_MS)
        end_ms = max(1, words[-1].end_ms + off_ms) if self._tells or definite else 0
        return News(at_ms, Hypothesis(text, definite, end_ms, audio_ms=max(0, at_ms - WIRE_MS)))


def _in_order(told: Iterable[News]) -> Iterator[News]:
    """By time; what says less than was said before is left out, and of words in one result only the last is told."""
    longest = 0
    ordered = sorted(told, key=lambda news: (news.at_ms, _length(news)))
    for news, following in pairwise([*ordered, None]):
        assert news is not None
        is_outdone = following is not None and following.at_ms == news.at_ms
        if _length(news) >= longest and not is_outdone:
            longest = _length(news)
            yield news


def _length(news: News) -> int:
    assert isinstance(news.says, Hypothesis)
    return sum(map(str.isalnum, news.says.text))
