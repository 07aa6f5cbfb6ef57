"""Typed utterances, no faster than people type: what is too fast waits, but only one of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from backend.call.moves import Fault, Malformed, Told
from backend.errors import EventError
from backend.shell.inbox import Inbox
from backend.shell.intake import TypingPace

TOO_FAST: Final = "you type too fast: one utterance waits already, and this one was not taken"


class Typed:
    """Hands them on to the call. Whoever reads the client's messages never waits for one to be due.

    Args:
        start: runs what hands on the one that waits.
    """

    def __init__(
        self, inbox: Inbox, start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]], pace: TypingPace
    ) -> None:
        self._inbox = inbox
        self._start = start
        self._pace = pace
        self._waiting: asyncio.Task[None] | None = None

    async def take(self, told: Told, now: float) -> None:
        """One that has come now. What comes after one that waits may overtake it."""
        if self._waiting is not None and not self._waiting.done():
            await self._inbox.put(Malformed(Fault(EventError().code, TOO_FAST)))
        elif wait_s := self._pace.wait_s(now):
            self._waiting = self._start(self._hand_on(told, wait_s))
        else:
            await self._inbox.put(told)

    def stop(self) -> None:
        """The call is over."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def _hand_on(self, told: Told, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await self._inbox.put(told)
