"""Connections opened ahead of need, on which nothing was sent yet: as many as are wanted, and always young ones."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from backend.give_way import give_way
from backend.providers.chores import Chores
from backend.providers.demand import Demand

log = logging.getLogger(__name__)

RENEW: Final = 0.75
"""The part of its idle time after which a line gets a successor, so that one is ready when it goes."""
_HASTY_S: Final = 1.0  # a line lost sooner than this would be lost again at once


class Line(Protocol):
    """An open connection on which nothing was sent yet."""

    @property
    def is_open(self) -> bool:
        """Whether it may be used."""

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Tell when the other side has ended it."""

    def close(self) -> None:
        """Close it."""


L = TypeVar("L", bound=Line)


@dataclass(frozen=True, slots=True)
class ReserveLimits:
    """Bounds of a reserve.

    Attributes:
        most: that are kept ready at a time; while they are being replaced there are two of each. 0 for none.
        idle_s: a line that lies unused for this long is closed: less than the service allows.
        kept_s: how long a line is wanted after somebody said so.
        wait_s: how long whoever needs a line waits for one whose handshake is under way.
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
    """Keeps as many lines ready as are wanted. It is silent about failures: who finds none dials by itself.

    Args:
        dial: open one within a time of its own; None when that failed.
        demand: how many are wanted; whoever changes that has the reserve `tend` to it.
    """

    def __init__(self, dial: Callable[[], Awaitable[L | None]], limits: ReserveLimits, demand: Demand) -> None:
        self._dial = dial
        self._limits = limits
        self._demand = demand
        self._dials = Chores()
        self._dialling = 0
        self._spares: list[_Spare[L]] = []
        self._waiting: deque[asyncio.Future[L | None]] = deque()
        self._rests_since = self._rests_until = float("-inf")
        self._rest_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> L | None:
        """A line to keep, if one is open or about to be."""
        while self._spares:
            line = self._spares.pop().line  # the youngest
            if line.is_open:
                self._rest_s = 0.0
                return line
            line.close()
        return await self._next() if self._dialling > len(self._waiting) else None

    async def warm(self) -> None:
        """Begin what is missing; returns when that is ready or has failed."""
        if begun := self.tend():
            await asyncio.wait(begun)

    def tend(self) -> "list[asyncio.Task[None]]":
        """Close what is too old or not wanted, begin what is missing, and come back when either is due again."""
        now = asyncio.get_running_loop().time()
        self._retire(now)
        begun = [self._dials.begin(self._open()) for _ in range(self._missing(now))]
        self._dialling += len(begun)
        self.come_back()
        return begun

    def come_back(self) -> None:
        """Tend to it when that is due, and not yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        if (due := self._due(now)) < float("inf"):
            self._timer = loop.call_at(due, self.tend)

    async def aclose(self) -> None:
        """Close them all, and open no more."""
        self._closed = True
        self.tend()
        self._dials.cancel()
        await self._dials.aclose()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

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
            if waiter.done() and not waiter.cancelled():
                self._give(waiter.result())
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _wanted(self, now: float) -> int:
        return 0 if self._closed else min(self._limits.most, self._demand.wanted(now))

    def _missing(self, now: float) -> int:
        """A line that somebody waits for is ready for nobody else."""
        if now < self._rests_until:
            return 0
        return self._wanted(now) - self._young(now) - (self._dialling - len(self._waiting))

    def _young(self, now: float) -> int:
        return sum(now < spare.since + RENEW * self._limits.idle_s for spare in self._spares)

    def _retire(self, now: float) -> None:
        none_wanted = not self._wanted(now)
        for spare in [each for each in self._spares if none_wanted or now >= each.since + self._limits.idle_s]:
            self._spares.remove(spare)
            spare.line.close()

    def _due(self, now: float) -> float:
        if self._closed:
            return float("inf")
        ages = [spare.since + part * self._limits.idle_s for spare in self._spares for part in (RENEW, 1.0)]
        times = (*ages, self._rests_until, self._demand.next_change(now))
        return min((at for at in times if at > now), default=float("inf"))

    async def _open(self) -> None:
        began = asyncio.get_running_loop().time()
        line = None
        try:
            await give_way()
            line = await self._dial()
        finally:
            self._dialling -= 1
            if line is None and not self._closed:
                self._rest(began)
        self._give(line)
        self.come_back()

    def _give(self, line: L | None) -> None:
        """To the first who waits, else to whoever comes, if one is still wanted."""
        if line is None and self._dialling >= len(self._waiting):
            return  # for everyone who waits another is under way
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(line)
                return
        if line is not None:
            self._keep(line)

    def _keep(self, line: L) -> None:
        now = asyncio.get_running_loop().time()
        if self._young(now) >= self._wanted(now):
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
            self._rest(spare.since)
        else:
            self._rest_s = 0.0
        self.tend()

    def _rest(self, began: float) -> None:
        """Something that began then has failed; what fails together counts once."""
        if began <= self._rests_since:
            return
        self._rests_since = asyncio.get_running_loop().time()
        self._rest_s = min(self._limits.longest_rest_s, 2 * self._rest_s or self._limits.rest_s)
        self._rests_until = self._rests_since + self._rest_s
