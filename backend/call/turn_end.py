"""Deciding that an utterance is over, on the audio clock: by its text, the recogniser, local voice activity. Pure."""

from dataclasses import dataclass
from typing import Final

from backend.call.completeness import Completeness, has_words, judge
from backend.ports import Hypothesis

MISSED_BY_VAD_MS: Final = 300
"""Words that end this much after the last speech that was sensed: the sensor missed some."""
NEAR_ENOUGH_MS: Final = 120
"""A last word that ends this near to the end of speech is the last one; no word is shorter."""


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Holds, in ms of audio from the end of speech.

    Attributes:
        complete_ms: after a text that looks complete.
        open_ms: after a text that may or may not be.
        unfinished_ms: after a text that goes on: a filler, a connective, a broken enumeration.
        plausible_ms: silence after which a complete-looking text is worth a request on trial.
        stable_text_ms: unchanged text is an utterance after this much, whoever else is silent.
        lag_ms: how far a recogniser's text usually stays behind the sound.
    """

    complete_ms: int = 300
    open_ms: int = 600
    unfinished_ms: int = 1200
    plausible_ms: int = 100
    stable_text_ms: int = 2000
    lag_ms: int = 300

    def hold_ms(self, text: Completeness) -> int:
        """How long to wait after such a text."""
        match text:
            case Completeness.COMPLETE:
                return self.complete_ms
            case Completeness.OPEN:
                return self.open_ms
            case Completeness.UNFINISHED:
                return self.unfinished_ms


class Endpointer:
    """Watches one recognition session. Once the utterance is over, later news change nothing."""

    def __init__(self, limits: EndpointLimits) -> None:
        self._limits = limits
        self._heard = Hypothesis("", definite=False, end_ms=0, audio_ms=0)
        self._looks = Completeness.OPEN
        self._clock_ms = 0
        self._changed_ms = 0
        self._speaking = False
        self._sensed_ms: int | None = None
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
            return self._clock_ms
        return told_ms if told_ms > self._sensed_ms + MISSED_BY_VAD_MS else self._sensed_ms

    def hear(self, hypothesis: Hypothesis) -> None:
        """Take what the recogniser believes."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, hypothesis.audio_ms)
        if _letters(hypothesis.text) != _letters(self._heard.text):
            self._changed_ms = self._clock_ms
        self._heard = Hypothesis(hypothesis.text.strip(), hypothesis.definite, hypothesis.end_ms, hypothesis.audio_ms)
        self._looks = judge(self._heard.text)
        self._decide()

    def sense(self, speaking: bool, at_ms: int) -> None:
        """Speech began or ended at `at_ms`, says the local voice activity."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, at_ms)
        self._speaking, self._sensed_ms = speaking, at_ms
        self._decide()

    def reach(self, audio_ms: int) -> None:
        """The audio clock has come to `audio_ms`."""
        if self._over:
            return
        self._clock_ms = max(self._clock_ms, audio_ms)
        self._decide()

    def _decide(self) -> None:
        due_ms = self._over_at_ms()
        self._over = due_ms is not None and self._clock_ms >= due_ms

    def _over_at_ms(self) -> int | None:
        """When it is over if nothing new comes; None while the text or the caller is still to come."""
        if not has_words(self._heard.text):
            return None
        stable_ms = max(self._changed_ms, self._sensed_ms or 0) + self._limits.stable_text_ms
        if self._speaking:
            return stable_ms if self._heard.definite else None
        held_ms = self.speech_end_ms + self._limits.hold_ms(self._looks)
        return min(max(held_ms, self._covered_at_ms()), stable_ms)

    def _plausible_at_ms(self) -> int | None:
        if self._speaking or self._looks is not Completeness.COMPLETE or not has_words(self._heard.text):
            return None
        return max(self.speech_end_ms, self._changed_ms) + self._limits.plausible_ms

    def _covered_at_ms(self) -> int:
        """When the text can be trusted to hold all that was said."""
        heard, sensed_ms = self._heard, self._sensed_ms
        if heard.definite and (sensed_ms is None or heard.audio_ms >= sensed_ms):
            return 0
        if sensed_ms is None:
            return self._changed_ms + self._limits.hold_ms(self._looks) + self._limits.lag_ms
        if heard.end_ms >= sensed_ms - NEAR_ENOUGH_MS:
            return 0
        return max(sensed_ms, self._changed_ms) + self._limits.lag_ms

    def _told_end_ms(self) -> int:
        """Where the last word ended, by the recogniser alone."""
        if self._heard.end_ms:
            return self._heard.end_ms
        waited_ms = self._limits.open_ms if self._heard.definite else 0
        return max(0, min(self._changed_ms, self._heard.audio_ms - waited_ms))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
