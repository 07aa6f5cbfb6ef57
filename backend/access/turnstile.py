"""Messages that are heavy to read pass one at a time, whoever sends them; the light ones pass them by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

HEAVY_S: Final = 0.001
"""Of a core's time, as `toll.cost_s` reckons it."""
_SHARE: Final = 0.5
"""Of the time, at most, goes into heavy messages: between two of them the others have as long."""


class Turnstile:
    """One for all calls of a server. A call reads its messages in order: it is here at most once."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._front = asyncio.Lock()
        self._free_at = 0.0

    async def pass_through(self, cost_s: float) -> None:
        """Wait until a heavy message of this cost may be read."""
        async with self._front:
            await self._sleep(max(0.0, self._free_at - self._clock()))
            self._free_at = self._clock() + cost_s / _SHARE
