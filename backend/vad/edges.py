"""From probabilities to speech: where it began and where it ended, on the audio clock. Pure."""

from dataclasses import dataclass
from typing import Final

from backend.vad.windows import WINDOW_MS, Window

SPEECH: Final = 0.5
STILL_SPEECH: Final = 0.35
ONSET_WINDOWS: Final = 3
"""Less than 96 ms is a click."""

SILENCE_MS: Final = 96
_FADE_WINDOWS: Final = 2  # so long the model goes on saying speech after its sound has faded


@dataclass(frozen=True, slots=True)
class Change:
    """Speech began, or ended, at `at_ms` of the call's audio."""

    speaking: bool
    at_ms: int


class Edges:
    """One call's edges, in silence at first.

    Windows come in order; some may be missing. Those that the gate held back were silence; of the others nothing is
    known, so that they neither begin speech nor end it.

    Attributes:
        speaking: whether someone is.
    """

    def __init__(self) -> None:
        self.speaking = False
        self._next = 0
        self._onset = 0
        self._faded = 0
        self._end_ms = 0

    def judge(self, window: Window, probability: float) -> Change | None:
        """The next window, with its probability of speech."""
        self._skip_to(window)
        return self._while_speaking(window, probability) if self.speaking else self._while_silent(probability)

    def _skip_to(self, window: Window) -> None:
        skipped = window.index - self._next
        if skipped:
            self._onset = 0
        if skipped > window.hushed:
            self._end_ms = window.index * WINDOW_MS
        self._next = window.index + 1

    def _while_silent(self, probability: float) -> Change | None:
        self._onset = self._onset + 1 if probability >= SPEECH else 0
        if self._onset < ONSET_WINDOWS:
            return None
        self.speaking, self._faded, self._end_ms = True, 0, self._next * WINDOW_MS
        return Change(True, (self._next - self._onset) * WINDOW_MS)

    def _while_speaking(self, window: Window, probability: float) -> Change | None:
        now_ms = self._next * WINDOW_MS
        if probability >= STILL_SPEECH:
            self._faded = 0 if window.loud else self._faded + 1
            if not 0 < self._faded <= _FADE_WINDOWS:
                self._end_ms = now_ms
        elif now_ms - self._end_ms >= SILENCE_MS:
            self.speaking, self._onset = False, 0
            return Change(False, self._end_ms)
        return None
