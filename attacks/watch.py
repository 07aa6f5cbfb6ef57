"""Watches the server while it is attacked."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import aiohttp
import psutil

from attacks.target import Target

_EVERY_S: Final = 0.05
_LAG_EVERY_S: Final = 0.5


class Growth:
    """How much more the server holds than at the beginning of the block, at most."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._before = self._most = target.rss_mib()
        self._watching: asyncio.Task[None] | None = None

    @property
    def mib(self) -> float:
        """So far."""
        return max(0.0, self._most - self._before)

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._look()

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_EVERY_S)

    def _look(self) -> None:
        with suppress(psutil.Error):
            self._most = max(self._most, self._target.rss_mib())


async def loop_lag_ms(target: Target, most: list[float]) -> None:
    """Note the largest lag of its loop that the server tells of (nine of ten samples of two seconds), until cancelled."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, KeyError):
                async with http.get(f"{target.page}/healthz") as response:
                    most[0] = max(most[0], float((await response.json())["loop_lag_ms"]))
            await asyncio.sleep(_LAG_EVERY_S)
