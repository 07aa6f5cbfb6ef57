"""What waits for the call to decide on it, in the order in which it came."""

import asyncio
from collections import deque
from collections.abc import Iterable

from backend.call.moves import CallEvent


class Inbox:
    """Bounded for those who can wait for room; what the server itself has to say always has some.

    Args:
        room: events of others that may wait.
    """

    def __init__(self, room: int) -> None:
        self._room = asyncio.Semaphore(room)
        self._waiting: deque[tuple[CallEvent, bool]] = deque()
        self._first: deque[CallEvent] = deque()
        self._bell: asyncio.Future[None] | None = None

    @property
    def has_some(self) -> bool:
        """Whether the next one is there."""
        return bool(self._first or self._waiting)

    def begin_with(self, events: Iterable[CallEvent]) -> None:
        """Have these read before all that has come already; once, and before anything is read."""
        self._first.extend(events)

    async def put(self, event: CallEvent) -> None:
        """Add one as soon as there is room."""
        await self._room.acquire()
        self._add(event, took_room=True)

    def put_now(self, event: CallEvent) -> None:
        """Add one of which there are only a few in a call, whether there is room or not."""
        self._add(event, took_room=False)

    async def get(self, within_s: float | None = None) -> CallEvent | None:
        """The next one, as soon as there is one; None where none comes in time. For one reader."""
        if self._first:
            return self._first.popleft()
        if not self._waiting:
            await self._wait(within_s)
        if not self._waiting:
            return None
        event, took_room = self._waiting.popleft()
        if took_room:
            self._room.release()
        return event

    def _add(self, event: CallEvent, *, took_room: bool) -> None:
        self._waiting.append((event, took_room))
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def _wait(self, within_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._bell = loop.create_future()
        timer = None if within_s is None else loop.call_later(within_s, self._ring)  # cheaper than a timeout block
        try:
            await self._bell
        finally:
            self._bell = None
            if timer is not None:
                timer.cancel()
