"""Who wants to know how calls go: told of calls and turns as they pass, never of single frames or of words."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from backend.marks import Outcome, TurnMarks

Refusal = Literal["not_found", "unauthorized", "full", "lagging", "draining"]
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)


@dataclass(frozen=True, slots=True)
class TurnReport:
    """A turn that is over."""

    turn: int
    marks: TurnMarks

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return self.marks.outcome


class Observer(Protocol):
    """Hears of what has happened, in the order in which it did. A `call` is a key for one call while it lasts.

    Every method returns at once and raises nothing: a call never waits, or fails, because somebody watches.
    """

    def call_began(self, call: Hashable, sid: str) -> None:
        """A call was let in and has begun; `sid` is for a log line, never for a label."""

    def call_refused(self, reason: Refusal) -> None:
        """A handshake was refused."""

    def turn_done(self, call: Hashable, report: TurnReport) -> None:
        """One of its turns is over."""

    def call_ended(self, call: Hashable) -> None:
        """It is over."""


class Observers:
    """Several as one; none at all by default."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def call_began(self, call: Hashable, sid: str) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.call_began(call, sid)

    def call_refused(self, reason: Refusal) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.call_refused(reason)

    def turn_done(self, call: Hashable, report: TurnReport) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.turn_done(call, report)

    def call_ended(self, call: Hashable) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.call_ended(call)
