"""The call's side of its ears: which listening is on, what it has heard, and when to try again after a failure."""

from dataclasses import dataclass, field

from backend.call.moves import CloseEars, EarsClosed, Heard, OpenEars, Reached, Sensed, WakeAt
from backend.call.turn_end import Endpointer, EndpointLimits
from backend.ports import Hypothesis


@dataclass(frozen=True, slots=True)
class ListeningLimits:
    """Of the ears.

    Attributes:
        retry_s: wait before listening again after the recogniser failed; doubles with each failure.
        retry_max_s: and stops growing here.
        silent_line_s: a client that sends no audio at all stops the audio clock; after so much longer than the clock
            should have taken, the wait is over all the same.
    """

    retry_s: float = 0.25
    retry_max_s: float = 10.0
    silent_line_s: float = 0.5
    endpoint: EndpointLimits = field(default_factory=EndpointLimits)


class Listening:
    """One listening after another, each with a number of its own; news of an earlier one is dropped."""

    def __init__(self, limits: ListeningLimits) -> None:
        self._limits = limits
        self.number = 0
        self.is_open = False
        self.heard: Hypothesis | None = None
        self._failures = 0
        self._retry_at: float | None = None
        self._endpointer = Endpointer(limits.endpoint)
        self._clock_ms = 0
        self._wake_ms: int | None = None
        self._wake_by: float | None = None

    @property
    def text(self) -> str:
        """The utterance so far."""
        return self._endpointer.text

    @property
    def is_over(self) -> bool:
        """Whether the utterance has ended."""
        return self._endpointer.is_over

    @property
    def is_plausible(self) -> bool:
        """Whether it may well have."""
        return self._endpointer.is_plausible

    @property
    def speech_end_ms(self) -> int:
        """Where the speech ended, on the listening's audio clock."""
        return self._endpointer.speech_end_ms

    @property
    def quiet_s(self) -> float:
        """How long ago the speech ended, by the audio that has come."""
        return max(0, self._clock_ms - self.speech_end_ms) / 1000

    @property
    def deadline(self) -> float | None:
        """When to call `tick`; None for never."""
        due = [at for at in (self._retry_at, self._wake_by) if at is not None]
        return min(due, default=None)

    def open(self, *, keep_audio: bool = False) -> OpenEars:
        """Begin a new one."""
        self.number += 1
        self.is_open = True
        self.heard = None
        self._retry_at = self._wake_ms = self._wake_by = None
        self._clock_ms = 0
        self._endpointer = Endpointer(self._limits.endpoint)
        return OpenEars(self.number, keep_audio)

    def close(self) -> CloseEars:
        """Listen no more."""
        self.is_open = False
        self._retry_at = self._wake_ms = self._wake_by = None
        return CloseEars()

    def lose(self, event: EarsClosed, now: float) -> bool:
        """The recognition ended by itself: try again in a while. False when it was an earlier one."""
        if not self._is_mine(event.ears):
            return False
        self.close()
        self._failures += 1
        self._retry_at = now + min(self._limits.retry_s * 2 ** (self._failures - 1), self._limits.retry_max_s)
        return True

    def take(self, news: Heard | Sensed | Reached) -> bool:
        """Take what the ears say. False when it is news of an earlier listening."""
        if not self._is_mine(news.ears):
            return False
        match news:
            case Heard(_, hypothesis):
                self._failures = 0
                self.heard = hypothesis
                self._clock_ms = max(self._clock_ms, hypothesis.audio_ms)
                self._endpointer.hear(hypothesis)
            case Sensed(_, speaking, at_ms):
                self._clock_ms = max(self._clock_ms, at_ms)
                self._endpointer.sense(speaking, at_ms)
            case Reached(_, audio_ms):
                self._clock_ms = max(self._clock_ms, audio_ms)
                self._endpointer.reach(audio_ms)
        return True

    def next_wake(self, now: float) -> WakeAt | None:
        """What to ask of the audio clock, if it is not what was asked last."""
        wake_ms = self._endpointer.wake_at_ms if self.is_open else None
        if wake_ms == self._wake_ms:
            return None
        self._wake_ms = wake_ms
        self._wake_by = None
        if wake_ms is None:
            return None
        self._wake_by = now + (wake_ms - self._clock_ms) / 1000 + self._limits.silent_line_s
        return WakeAt(self.number, wake_ms)

    def tick(self, now: float) -> bool:
        """Time has passed; whether that may have decided something."""
        if self._wake_by is None or now < self._wake_by or self._wake_ms is None:
            return False
        reached_ms, self._wake_ms, self._wake_by = self._wake_ms, None, None
        return self.take(Reached(self.number, reached_ms))

    def retry_is_due(self, now: float) -> bool:
        """Whether it is time to listen again."""
        return self._retry_at is not None and now >= self._retry_at

    def _is_mine(self, ears: int) -> bool:
        return self.is_open and ears == self.number
