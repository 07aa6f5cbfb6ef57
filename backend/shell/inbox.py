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
        self._waiting: asyncio.Queue[tuple[CallEvent, bool]] = asyncio.Queue()
        self._first: deque[CallEvent] = deque()

    def begin_with(self, events: Iterable[CallEvent]) -> None:
        """Have these read before all that has come already; once, and before anything is read."""
        self._first.extend(events)

    async def put(self, event: CallEvent) -> None:
        """Add one as soon as there is room."""
        await self._room.acquire()
        self._waiting.put_nowait((event, True))

    def put_now(self, event: CallEvent) -> None:
        """Add one of which there are only a few in a call, whether there is room or not."""
        self._waiting.put_nowait((event, False))

    async def get(self) -> CallEvent:
        """The next one, as soon as there is one."""
        if self._first:
            return self._first.popleft()
        event, took_room = await self._waiting.get()
        if took_room:
            self._room.release()
        return event
