"""Connections opened ahead of need, where each serves request after request once it has been taken."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from backend.providers.chores import Chores

log = logging.getLogger(__name__)

LEAST: Final = 2
"""Kept ready at a time: whoever drops a request and sends the next in the same moment finds the other one."""
PER_USERS: Final = 4
"""For so many requests under way one more is kept ready."""
RENEW: Final = 0.75
"""The part of its idle time after which a line gets a successor, so that one is ready when it goes."""
LATER_S: Final = 2.0
_HASTY_S: Final = 1.0  # a line lost sooner than this would be lost again at once


class Line(Protocol):
    """An open connection on which nothing was sent yet."""

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent on it."""

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Tell when the other side has closed it."""

    def close(self) -> None:
        """Close it."""


L = TypeVar("L", bound=Line)


@dataclass(frozen=True, slots=True)
class ReserveLimits:
    """Bounds of a reserve.

    Attributes:
        most: that are kept ready at a time; while they are being replaced there are two of each. 0 for none.
        idle_s: a line that lies unused for this long is closed: less than a server waits for a first request.
        kept_s: after the last request or `warm` of anyone, for so long.
        wait_s: how long a request waits for a line whose handshake is under way.
        rest_s, longest_rest_s: after a failure none is opened for so long; each further one doubles it.
    """

    most: int = 8
    idle_s: float = 50.0
    kept_s: float = 90.0
    wait_s: float = 2.0
    rest_s: float = 1.0
    longest_rest_s: float = 60.0


@dataclass(slots=True, eq=False)
class _Spare(Generic[L]):
    line: L
    since: float


class Reserve(Generic[L]):
    """Keeps lines ready while somebody may need one. It is silent about failures: who finds none dials by itself.

    It is filled up by `warm` and after each use, not when one is taken: that moment is a caller's.

    Args:
        dial: open one within a time of its own; None when that failed.
    """

    def __init__(self, dial: Callable[[], Awaitable[L | None]], limits: ReserveLimits) -> None:
        self._dial = dial
        self._limits = limits
        self._dials = Chores()
        self._dialling = 0
        self._users = 0
        self._spares: list[_Spare[L]] = []
        self._waiting: deque[asyncio.Future[L | None]] = deque()
        self._needed_until = self._rests_until = self._fills_at = float("-inf")
        self._rest_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def warm(self) -> None:
        """Somebody will need a line; returns when what was begun for it is ready or has failed."""
        begun = self._fill()
        if begun:
            await asyncio.wait(begun)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A request is under way. What is thrown away by leaving it is replaced at once.

        A request that ends in order gives its connection back, so that what it took can wait until nobody waits for
        the sound of its answer.
        """
        self._users += 1
        try:
            yield
        except BaseException:
            self._users -= 1
            self._fill()
            raise
        self._users -= 1
        self._need()
        now = asyncio.get_running_loop().time()
        if self._fills_at <= now:  # or requests that end one after another would put it off for ever
            self._fills_at = now + LATER_S
        self._come_back()

    async def take(self) -> L | None:
        """A line to keep, if one is open or about to be."""
        while self._spares:
            line = self._spares.pop().line  # the youngest
            if line.is_open:
                self._rest_s = 0.0
                return line
            line.close()
        return await self._next() if self._dialling > len(self._waiting) else None

    async def aclose(self) -> None:
        """Close them all, and open no more."""
        self._closed = True
        self._tend()
        self._dials.cancel()
        await self._dials.aclose()

    async def _next(self) -> L | None:
        """The one that is ready first."""
        waiter: asyncio.Future[L | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._limits.wait_s):
                return await waiter
        except TimeoutError:
            return waiter.result() if waiter.done() and not waiter.cancelled() else None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (line := waiter.result()) is not None:
                self._keep(line)
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _fill(self) -> "list[asyncio.Task[None]]":
        self._need()
        return self._tend()

    def _need(self) -> None:
        self._needed_until = asyncio.get_running_loop().time() + self._limits.kept_s

    def _tend(self) -> "list[asyncio.Task[None]]":
        """Close what is too old, begin what is missing, and come back when either is due again."""
        now = asyncio.get_running_loop().time()
        self._retire(float("inf") if self._is_over(now) else now)
        begun = [self._dials.begin(self._open()) for _ in range(self._missing(now))]
        self._dialling += len(begun)
        self._come_back()
        return begun

    def _is_over(self, now: float) -> bool:
        return self._closed or now >= self._needed_until

    def _missing(self, now: float) -> int:
        if self._is_over(now) or now < self._rests_until:
            return 0
        wanted = min(self._limits.most, LEAST + self._users // PER_USERS)
        young = [spare for spare in self._spares if now < spare.since + RENEW * self._limits.idle_s]
        return wanted - len(young) - self._dialling

    def _retire(self, now: float) -> None:
        for spare in [each for each in self._spares if now >= each.since + self._limits.idle_s]:
            self._spares.remove(spare)
            spare.line.close()

    def _come_back(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        now, idle_s = loop.time(), self._limits.idle_s
        if not self._is_over(now):
            ages = [spare.since + part * idle_s for spare in self._spares for part in (RENEW, 1.0)]
            due = [at for at in (*ages, self._needed_until, self._rests_until, self._fills_at) if at > now]
            self._timer = loop.call_at(min(due), self._tend)

    async def _open(self) -> None:
        line = None
        try:
            line = await self._dial()
        finally:
            self._dialling -= 1
            if line is None and not self._closed:
                self._rest()
        self._keep(line)
        self._come_back()

    def _keep(self, line: L | None) -> None:
        """For the first who waits, else for whoever comes."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(line)
                return
        if line is None:
            return
        now = asyncio.get_running_loop().time()
        if self._is_over(now):
            line.close()
            return
        spare = _Spare(line, now)
        self._spares.append(spare)
        line.when_lost(lambda: self._lost(spare))

    def _lost(self, spare: _Spare[L]) -> None:
        if spare not in self._spares:
            return
        self._spares.remove(spare)
        spare.line.close()
        idle_s = asyncio.get_running_loop().time() - spare.since
        log.info("reserve.lost", extra={"idle_s": round(idle_s, 3)})
        if idle_s < _HASTY_S:
            self._rest()
        else:
            self._rest_s = 0.0
        self._tend()

    def _rest(self) -> None:
        self._rest_s = min(self._limits.longest_rest_s, 2 * self._rest_s or self._limits.rest_s)
        self._rests_until = asyncio.get_running_loop().time() + self._rest_s
