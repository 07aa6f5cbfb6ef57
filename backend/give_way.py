"""Work that comes in heaps is done a piece at a time: between two pieces everything else of the loop has its turn.

`asyncio.sleep(0)` lets the others go first once. Where twenty tasks do that, each round of the loop has twenty pieces
of work in it all the same, and whoever has a small question waits for all of them.
"""

import asyncio
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

AT_ONCE: Final = 8
"""Small things that one task does on end before it gives way."""


async def give_way() -> None:
    """Let everybody else go first; of those who do, one goes on in each round of the loop."""
    loop = asyncio.get_running_loop()
    queue = _queues.get(loop)
    if queue is None:
        queue = _queues[loop] = _Queue()
    await queue.enter(loop)


class _Queue:
    """Those who have given way on one loop, in the order in which they came. It may not know the loop, or both stay."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """What to wait for."""
        turn = loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            loop.call_soon(self._go_on)
        return turn

    def _go_on(self) -> None:
        while (turn := self._waiting.popleft()).done():  # it was cancelled
            if not self._waiting:
                return
        turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._go_on)


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()
