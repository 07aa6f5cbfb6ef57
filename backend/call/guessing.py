"""Answering on trial: a chat request for an utterance that may have ended, dropped unseen when it goes on. Pure."""

from backend.call.moves import DropGuess, Guess
from backend.ports import Message
from backend.protocol.events import CallConfig


class Guessing:
    """At most one guess at a time, and no more than the budget for one utterance.

    Args:
        budget: requests that one utterance may cost beside its own; 0 turns guessing off.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._made = 0
        self._numbers = 0
        self._pending: Guess | None = None

    def begin(self, turn: int, text: str, history: tuple[Message, ...], config: CallConfig) -> list[Guess | DropGuess]:
        """The utterance may have ended with this text."""
        if self._fits(text, config):
            return []
        dropped = self.drop()
        if self._made >= self._budget:
            return [*dropped]
        self._made += 1
        self._numbers += 1
        self._pending = Guess(self._numbers, turn, text, history, config)
        return [*dropped, self._pending]

    def drop(self) -> list[DropGuess]:
        """The caller goes on."""
        pending, self._pending = self._pending, None
        return [] if pending is None else [DropGuess(pending.number)]

    def settle(self, text: str, config: CallConfig) -> tuple[int | None, list[DropGuess]]:
        """The utterance has ended: the number of the guess that was right, and what to drop if it was not."""
        right = self._pending.number if self._pending is not None and self._fits(text, config) else None
        if right is not None:
            self._pending = None
        dropped = self.drop()
        self._made = 0
        return right, dropped

    def _fits(self, text: str, config: CallConfig) -> bool:
        """Punctuation comes and goes as a recogniser makes up its mind; the words are what was asked."""
        pending = self._pending
        return pending is not None and pending.config == config and _words(pending.text) == _words(text)


def _words(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
