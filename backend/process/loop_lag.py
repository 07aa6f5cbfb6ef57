"""How late the event loop runs, and whether newcomers have to stay out because of it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from backend.marks import Clock

EVERY_S: Final = 0.05
WINDOW: Final = 40
"""Samples that count: two seconds of a loop that keeps up, and as many more as one that does not is late."""
SHARE: Final = 0.9
"""Of the samples, at most as late as what counts as the lag; a single long pause is no overload."""
CALM: Final = 0.5
"""Newcomers are let in again below this share of the limit: a loop at its limit would let one in and shut again."""

_RANK: Final = round(SHARE * WINDOW) - 1


class LoopLag:
    """Measures the lag of the loop that `watch` runs on.

    Args:
        limit_ms: above this lag newcomers stay out; 0 lets them in whatever it is.
    """

    def __init__(
        self, limit_ms: float, clock: Clock = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._limit_ms = limit_ms
        self._clock = clock
        self._sleep = sleep
        self._samples_ms = deque([0.0] * WINDOW, maxlen=WINDOW)
        self.lag_ms = 0.0
        self.too_late = False

    async def watch(self) -> None:
        """Take samples until cancelled."""
        while True:
            due = self._clock() + EVERY_S
            await self._sleep(EVERY_S)
            self.note(1000 * (self._clock() - due))

    def note(self, late_ms: float) -> None:
        """Take one sample: this much later than it was due, something got its turn."""
        self._samples_ms.append(max(0.0, late_ms))
        self.lag_ms = sorted(self._samples_ms)[_RANK]
        bound_ms = self._limit_ms * (CALM if self.too_late else 1)
        self.too_late = self._limit_ms > 0 and self.lag_ms > bound_ms
