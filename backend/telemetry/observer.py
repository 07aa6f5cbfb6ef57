"""Who wants to know how calls go: told of calls and turns as they pass, never of single frames or of words."""

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from backend.expenses import Charge
from backend.marks import TurnMarks

log = logging.getLogger(__name__)

Refusal = Literal[
    "not_found",
    "malformed",
    "origin",
    "unauthorized",
    "hurried",
    "crowded",
    "full",
    "lagging",
    "loaded",
    "draining",
]
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)


@dataclass(frozen=True, slots=True)
class TurnReport:
    """A turn that is over."""

    turn: int
    marks: TurnMarks


class Observer(Protocol):
    """Hears of what has happened, in the order in which it did; every method returns at once.

    A `call` is a key for one call while it lasts.
    """

    def call_began(self, call: Hashable, sid: str) -> None:
        """A call was let in and has begun; `sid` is for a log line, never for a label."""

    def call_refused(self, reason: Refusal) -> None:
        """A handshake was refused."""

    def turn_done(self, call: Hashable, report: TurnReport) -> None:
        """One of its turns is over."""

    def charged(self, charges: Sequence[Charge]) -> None:
        """So much was paid for."""

    def call_ended(self, call: Hashable) -> None:
        """It is over."""


class Observers:
    """Several as one, and none by default. No call fails because one of them does."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def call_began(self, call: Hashable, sid: str) -> None:
        """See `Observer`."""
        self._tell(lambda observer: observer.call_began(call, sid))

    def call_refused(self, reason: Refusal) -> None:
        """See `Observer`."""
        self._tell(lambda observer: observer.call_refused(reason))

    def turn_done(self, call: Hashable, report: TurnReport) -> None:
        """See `Observer`."""
        self._tell(lambda observer: observer.turn_done(call, report))

    def charged(self, charges: Sequence[Charge]) -> None:
        """See `Observer`."""
        self._tell(lambda observer: observer.charged(charges))

    def call_ended(self, call: Hashable) -> None:
        """See `Observer`."""
        self._tell(lambda observer: observer.call_ended(call))

    def _tell(self, news: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                news(observer)
            except Exception:
                log.exception("observer.failed")
