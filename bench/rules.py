"""The rules that ours is measured against: a fixed time of silence, and a fixed time of unchanged text."""

from typing import Protocol

from backend.call.completeness import has_words
from backend.ports import Hypothesis


class Rule(Protocol):
    """What decides that a turn is over; `Endpointer` is one."""

    @property
    def text(self) -> str:
        """What was said."""

    @property
    def is_over(self) -> bool:
        """Whether it is."""

    @property
    def is_plausible(self) -> bool:
        """Whether it may be, so that a request on trial is worth its cost."""

    def hear(self, hypothesis: Hypothesis) -> None:
        """The recogniser's news."""

    def sense(self, speaking: bool, at_ms: int) -> None:
        """The voice activity detector's news."""

    def reach(self, audio_ms: int) -> None:
        """The audio clock's."""


class FixedSilence:
    """Over after so much silence, as most voice bots have it; by then there has to be text."""

    is_plausible = False

    def __init__(self, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._ended_ms: int | None = None
        self.text = ""
        self.is_over = False

    def hear(self, hypothesis: Hypothesis) -> None:
        """Only the text counts."""
        self.text = hypothesis.text

    def sense(self, speaking: bool, at_ms: int) -> None:
        """Only silence counts."""
        self._ended_ms = None if speaking else at_ms

    def reach(self, audio_ms: int) -> None:
        """Long enough?"""
        waited = self._ended_ms is not None and audio_ms - self._ended_ms >= self._hold_ms
        self.is_over = waited and has_words(self.text)


class FixedText:
    """Over after so much audio without a change of the text."""

    is_plausible = False

    def __init__(self, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._changed_ms: int | None = None
        self._clock_ms = 0
        self.text = ""
        self.is_over = False

    def hear(self, hypothesis: Hypothesis) -> None:
        """A change begins the wait anew."""
        if hypothesis.text != self.text:
            self._changed_ms, self.text = self._clock_ms, hypothesis.text

    def sense(self, speaking: bool, at_ms: int) -> None:
        """Not asked."""

    def reach(self, audio_ms: int) -> None:
        """Long enough?"""
        self._clock_ms = audio_ms
        self.is_over = self._changed_ms is not None and audio_ms - self._changed_ms >= self._hold_ms
