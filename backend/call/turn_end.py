"""Deciding that an utterance is over, on the audio clock: by its text, the recogniser, local voice activity. Pure."""

from dataclasses import dataclass, replace
from typing import Final

from backend.call.completeness import Completeness, has_words, judge, length
from backend.ports import Hypothesis

MISSED_BY_VAD_MS: Final = 300
"""Words that end this much after the last speech that was sensed: the sensor missed some."""
NEAR_ENOUGH_MS: Final = 60
"""A last word that ends this near to the end of speech is the last one; no word is so short."""
SLOW_MS: Final = 500
"""A recogniser whose text stays further behind than this, such as a model on a busy machine, keeps no pace at all."""
BETWEEN_RESULTS_MS: Final = 50
FIRST_WORD_MS: Final = 150
"""A recogniser that names no times tells its first word this much, and its lag, after speech began."""

PAUSE_MS: Final = 200
"""A silence inside a turn that is more than a breath."""
BEGINNING: Final = 12
"""Up to so much, in characters, is a beginning: callers who have said little, and have not paused yet, mostly go on."""


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Holds, in ms of audio from the end of speech.

    Attributes:
        complete_ms: after a text that looks complete.
        open_ms: after a text that may or may not be.
        first_open_ms: the same in the first silence of a turn, while little was said; `open_ms` if that is longer.
        unfinished_ms: after a text that goes on: a filler, a connective, a broken enumeration.
        plausible_ms: silence after which a complete-looking text is worth a request on trial.
        stable_text_ms: unchanged text is an utterance after this much, whoever else is silent.
        lag_ms: how far a recogniser's text may stay behind the sound, until it has shown how far it does.
    """

    complete_ms: int = 300
    open_ms: int = 600
    first_open_ms: int = 800
    unfinished_ms: int = 1200
    plausible_ms: int = 80
    stable_text_ms: int = 2000
    lag_ms: int = 400

    def hold_ms(self, text: Completeness, *, at_first: bool = False) -> int:
        """How long to wait after such a text.

        Args:
            at_first: it is little yet, and the caller has not paused before.
        """
        match text:
            case Completeness.COMPLETE:
                return self.complete_ms
            case Completeness.OPEN:
                return max(self.first_open_ms, self.open_ms) if at_first else self.open_ms
            case Completeness.DOUBTFUL:
                return (self.open_ms + 2 * self.unfinished_ms) // 3
            case Completeness.UNFINISHED:
                return self.unfinished_ms


class Endpointer:
    """Watches one recognition session. Once the utterance is over, later news change nothing.

    It is over when nobody speaks, the text has had time to hold all that was said, and the silence has lasted as long
    as the text asks for. Without voice activity, where `sense` is never called, the recogniser's `definite` tells the
    silence, or its text that stands still. A definite text to which nothing is added ends it in any case, so that noise
    that passes for speech holds nobody up for ever.
    """

    def __init__(self, limits: EndpointLimits) -> None:
        self._limits = limits
        self._heard = Hypothesis("", definite=False, end_ms=0, audio_ms=0)
        self._looks = Completeness.OPEN
        self._has_words = False
        self._is_little = True
        self._clock_ms = 0
        self._changed_ms = 0
        self._speaking = False
        self._sensed_ms: int | None = None
        self._began_ms: int | None = None
        self._lag_ms = 0
        self._has_paused = False
        self._over = False

    @property
    def text(self) -> str:
        """The utterance so far."""
        return self._heard.text

    @property
    def is_over(self) -> bool:
        """The utterance is over; `text` is final."""
        return self._over

    @property
    def is_plausible(self) -> bool:
        """Whether `text` is worth a request on trial; false again when the caller goes on."""
        due_ms = self._plausible_at_ms()
        return self._over or (due_ms is not None and self._clock_ms >= due_ms)

    @property
    def wake_at_ms(self) -> int | None:
        """When time alone may change `is_over` or `is_plausible`; None while only news can."""
        if self._over:
            return None
        due = (self._plausible_at_ms(), self._over_at_ms())
        return min((at_ms for at_ms in due if at_ms is not None and at_ms > self._clock_ms), default=None)

    @property
    def speech_end_ms(self) -> int:
        """Where the caller's speech ended, as well as is known."""
        told_ms = self._told_end_ms()
        if self._sensed_ms is None:
            return told_ms
        if self._speaking:
            return told_ms if self._over else self._clock_ms
        return told_ms if told_ms > self._sensed_ms + MISSED_BY_VAD_MS else self._sensed_ms

    def hear(self, hypothesis: Hypothesis) -> None:
        """Take what the recogniser believes."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, hypothesis.audio_ms)
        if _letters(hypothesis.text) != _letters(self.text):
            self._note_lag(hypothesis)
            self._changed_ms = self._clock_ms
            self._has_paused |= self._heard.definite and self._has_words
        before, self._heard = self.text, replace(hypothesis, text=hypothesis.text.strip())
        if self.text != before:  # a recogniser often says no more than that some time has passed
            self._look()
        self._decide()

    def sense(self, speaking: bool, at_ms: int) -> None:
        """Speech began or ended at `at_ms`, says the local voice activity."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, at_ms)
        if speaking and self._began_ms is None:
            self._began_ms = at_ms
        if speaking and not self._speaking and self._sensed_ms is not None and self._has_words:
            self._has_paused |= at_ms - self._sensed_ms >= PAUSE_MS
        self._speaking, self._sensed_ms = speaking, at_ms
        self._decide()

    def reach(self, audio_ms: int) -> None:
        """The audio clock has come to `audio_ms`."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, audio_ms)
        self._decide()

    def _look(self) -> None:
        self._looks = judge(self.text)
        self._has_words = has_words(self.text)
        self._is_little = length(self.text) <= BEGINNING

    def _decide(self) -> None:
        due_ms = self._over_at_ms()
        self._over = due_ms is not None and self._clock_ms >= due_ms

    def _over_at_ms(self) -> int | None:
        """When it is over if nothing new comes; None while the text or the caller is still to come."""
        if not self._has_words:
            return None
        latest_ms = self._changed_ms + self._limits.unfinished_ms + self._limits.stable_text_ms
        if self._speaking:
            return latest_ms if self._heard.definite else None
        stable_ms = max(self._changed_ms, self._sensed_ms or 0) + self._limits.stable_text_ms
        held_ms = self.speech_end_ms + self._hold_ms()
        due_ms = min(max(held_ms, self._covered_at_ms()), stable_ms)
        return min(due_ms, latest_ms) if self._heard.definite else due_ms

    def _plausible_at_ms(self) -> int | None:
        if self._speaking or self._looks is not Completeness.COMPLETE or not self._has_words:
            return None
        # a mark that is added, or a last word that is found to end later, is nothing to ask another question for
        return max(self._sensed_ms or 0, self._changed_ms) + self._limits.plausible_ms

    def _covered_at_ms(self) -> int:
        """When the text can be trusted to hold all that was said."""
        heard, sensed_ms = self._heard, self._sensed_ms
        if sensed_ms is None:
            return self._silent_at_ms()
        if heard.definite and heard.audio_ms >= sensed_ms:
            return 0
        if heard.end_ms >= sensed_ms - NEAR_ENOUGH_MS:
            return 0
        lag_ms = self._lag_ms or self._limits.lag_ms
        if lag_ms > SLOW_MS:  # nobody knows how slow: `definite` will come
            return max(sensed_ms, self._changed_ms) + self._limits.stable_text_ms
        return sensed_ms + lag_ms + BETWEEN_RESULTS_MS

    def _silent_at_ms(self) -> int:
        """The same without voice activity: a caller who goes on is noticed late, by the next word in the text."""
        hold_ms = self._hold_ms()
        if not self._heard.definite:
            return self._changed_ms + hold_ms + max(self._limits.lag_ms, self._lag_ms)
        unseen_ms = self._limits.lag_ms if self._looks is Completeness.UNFINISHED else 0
        return self.speech_end_ms + hold_ms + unseen_ms

    def _hold_ms(self) -> int:
        return self._limits.hold_ms(self._looks, at_first=self._is_little and not self._has_paused)

    def _note_lag(self, hypothesis: Hypothesis) -> None:
        """How far the text stays behind: by what the recogniser says, else by when its first word came."""
        behind_ms = 0
        if hypothesis.definite:
            return
        if hypothesis.end_ms:
            behind_ms = self._clock_ms - hypothesis.end_ms
        elif self._began_ms is not None and not self.text:
            behind_ms = min(self._clock_ms - self._began_ms - FIRST_WORD_MS, 2 * self._limits.lag_ms)
        self._lag_ms = max(self._lag_ms, behind_ms)

    def _told_end_ms(self) -> int:
        """Where the last word ended, by the recogniser alone; a definite text has `open_ms` of silence behind it."""
        if self._heard.end_ms:
            return self._heard.end_ms
        if self._heard.definite:
            return max(0, min(self._changed_ms, self._heard.audio_ms - self._limits.open_ms))
        return max(0, self._changed_ms - (self._lag_ms or self._limits.lag_ms))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
