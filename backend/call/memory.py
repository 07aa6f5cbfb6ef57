"""When older turns are folded into the summary: after a turn, one request at a time, rarer when it fails. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from backend.call.history import History, HistoryLimits
from backend.call.moves import DropFold, Fold, Folded, KeepSummary
from backend.ports import Message

MOST_TURNS: Final = 7
"""After failures so many turns go by, at most, before the next try."""


class Memory:
    """The history of a call, and the request for a summary that is under way."""

    def __init__(self, limits: HistoryLimits) -> None:
        self._history = History(limits)
        self._number = 0
        self._folding: int | None = None  # how many of the oldest messages are being folded
        self._failures = 0
        self._wait = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the model sees."""
        return self._history.messages

    def take_up(self, past: Sequence[Message]) -> None:
        """Go on from an earlier call."""
        self._history.take_up(past)

    def extend(self, messages: Iterable[Message]) -> None:
        """Add what was just said."""
        forgotten = self._history.extend(messages)
        if self._folding is not None:
            self._folding = max(0, self._folding - forgotten)

    def fold(self, persona: str | None) -> list[Fold]:
        """A turn is over: begin, if it is time."""
        if self._folding is not None or not (due := self._history.due()):
            return []
        if self._wait > 0:
            self._wait -= 1
            return []
        self._number += 1
        self._folding = len(due)
        return [Fold(self._number, self._history.summary, due, persona)]

    def drop(self) -> list[DropFold]:
        """A turn begins, and nothing shall be in its way."""
        if self._folding is None:
            return []
        self._fail()
        return [DropFold(self._number)]

    def take(self, news: Folded) -> list[KeepSummary]:
        """A request is over; of one that was dropped it is too late."""
        if self._folding is None or news.number != self._number:
            return []
        if news.summary is None:
            self._fail()
            return []
        self._history.fold(self._folding, news.summary)
        self._folding, self._failures = None, 0
        return [KeepSummary(self._history.summary, self._history.unfolded)]

    def _fail(self) -> None:
        """The first time it is tried again after the next turn."""
        self._folding = None
        self._wait = min(2**self._failures - 1, MOST_TURNS)
        self._failures = min(self._failures + 1, MOST_TURNS)
