"""How busy the event loop is, and whether it will keep up once those who just came have begun to speak.

The lag of a loop tells of an overload that is there; each caller let in until then stays. The load tells beforehand.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 0.25
WINDOW: Final = 8
NEWCOMER: Final = 0.02
"""Of a core: what a call counts at most that came within the window. What few calls cost, they mostly share."""


class LoopLoad:
    """Measures the load of the loop that `watch` runs on.

    Args:
        limit: as a share of one core; above it newcomers stay out. 0 lets them in whatever it is.
        spent: processor seconds that the loop's work has taken so far.
    """

    def __init__(
        self,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
        spent: "Callable[[], float] | None" = None,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._spent = spent or spent_s
        self._samples: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    async def watch(self, calls: Callable[[], int]) -> None:
        """Take samples until cancelled."""
        at, spent = self._clock(), self._spent()
        while True:
            await asyncio.sleep(EVERY_S)
            was_at, was_spent = at, spent
            at, spent = self._clock(), self._spent()
            self.note((spent - was_spent) / max(at - was_at, EVERY_S), calls())

    def note(self, share: float, calls: int) -> None:
        """Take one sample: the share of a core that was used while there were so many calls."""
        self._samples.append((share, calls))

    @property
    def share(self) -> float:
        """Of one core, over the window."""
        return sum(share for share, _ in self._samples) / max(1, len(self._samples))

    def is_too_much_with(self, calls: int) -> bool:
        """Whether this many calls would be more than the loop can serve."""
        return self._limit > 0 and self._expected(calls) > self._limit

    def _expected(self, calls: int) -> float:
        seen = sum(calls for _, calls in self._samples) / max(1, len(self._samples))
        each = min(NEWCOMER, self.share / max(1.0, seen))
        return self.share + each * max(0.0, calls - seen)


def spent_s() -> float:
    """By the loop's thread; or by all threads, each core's part, should that be more: where there is one core, the
    thread that listens for voices takes it from the loop."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(time.thread_time(), time.process_time() / cores)
