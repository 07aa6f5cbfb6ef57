"""Connections for chat requests, each of which serves request after request once it has been taken."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic

from backend.providers.demand import Requests
from backend.providers.reserve import L, Reserve, ReserveLimits


class ChatReserve(Generic[L]):
    """It is filled up by `warm` and after each request, not when a line is taken: that moment is a caller's.

    Args:
        dial: open one within a time of its own; None when that failed.
    """

    def __init__(self, dial: Callable[[], Awaitable[L | None]], limits: ReserveLimits) -> None:
        self._requests = Requests(limits.kept_s)
        self._lines = Reserve(dial, limits, self._requests)
        self.take = self._lines.take
        self.aclose = self._lines.aclose

    async def warm(self) -> None:
        """Somebody will need a line; returns when what was begun for it is ready or has failed."""
        self._requests.expect(_now())
        await self._lines.warm()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A request is under way. What is thrown away by leaving it is replaced at once.

        A request that ends in order gives its connection back, so that what it took can wait until nobody waits for
        the sound of its answer.
        """
        self._requests.begin(_now())
        self._lines.come_back()
        try:
            yield
        except BaseException:
            self._requests.end(_now(), in_order=False)
            self._lines.tend()
            raise
        self._requests.end(_now(), in_order=True)
        self._lines.come_back()


def _now() -> float:
    return asyncio.get_running_loop().time()
