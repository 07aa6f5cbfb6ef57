"""WebSockets opened ahead of need, where each serves one session only."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from backend.errors import ProviderError
from backend.providers.chores import Chores
from backend.providers.sockets import ServiceSocket

log = logging.getLogger(__name__)

RENEW: Final = 0.75
"""The part of its idle time after which a spare gets a successor, so that one is ready when it goes."""
_HASTY_S: Final = 1.0  # a spare lost sooner than this would be lost again at once


@dataclass(frozen=True, slots=True)
class SpareLimits:
    """Bounds of the spares.

    Attributes:
        most: that are kept ready at a time; while one is being replaced there are two of it.
        idle_s: a spare that lies unused for this long is closed: less than the service allows.
        expected_s: a session that does not come within this time is expected no longer.
        wait_s: how long a session waits for a spare whose handshake is under way.
    """

    most: int
    idle_s: float
    expected_s: float
    wait_s: float


@dataclass(slots=True, eq=False)
class _Spare:
    """One connection, from its dial on."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    keeper: "asyncio.Task[None]" = field(init=False)
    socket: ServiceSocket | None = None
    is_old: bool = False
    is_lost: bool = False
    is_taken: bool = False


class Spares:
    """Holds as many open sockets as sessions are expected, on which nothing was sent yet.

    A spare on which anything comes, or which the service closes, never serves. One that cannot be opened is not tried
    again: the session it was for dials by itself.
    """

    def __init__(self, dial: Callable[[], Awaitable[ServiceSocket]], limits: SpareLimits, chores: Chores) -> None:
        self._dial = dial
        self._limits = limits
        self._chores = chores
        self._keepers = Chores()
        self._expected: deque[float] = deque(maxlen=limits.most)  # when each is expected no longer, oldest first
        self._spares: list[_Spare] = []
        self._closed = False

    async def warm(self) -> None:
        """Expect one more session; returns when its spare is ready, or could not be opened."""
        self._expected.append(asyncio.get_running_loop().time() + self._limits.expected_s)
        begun = self._tend()
        await asyncio.gather(*(spare.settled.wait() for spare in begun))

    async def take(self) -> ServiceSocket | None:
        """A spare for a session, if one is open or about to be."""
        self._expect_less()
        patience_ends = asyncio.get_running_loop().time() + self._limits.wait_s
        while self._spares:
            spare = self._best()
            self._spares.remove(spare)
            if (socket := await self._claimed(spare, patience_ends)) is not None:
                return socket
        return None

    async def aclose(self) -> None:
        """Close them all, and open no more."""
        self._closed = True
        self._keepers.cancel()
        await self._keepers.aclose()

    def _tend(self) -> list[_Spare]:
        """Begin as many spares as are missing."""
        now = asyncio.get_running_loop().time()
        while self._expected and self._expected[0] <= now:
            self._expected.popleft()
        missing = len(self._expected) - sum(not spare.is_old for spare in self._spares)
        begun = [] if self._closed else [_Spare() for _ in range(missing)]
        self._spares += begun
        for spare in begun:
            spare.keeper = self._keepers.begin(self._keep(spare))
        return begun

    def _best(self) -> _Spare:
        """The youngest that is open, else the first that will be."""
        opened = [spare for spare in self._spares if spare.socket is not None]
        return opened[-1] if opened else self._spares[0]

    async def _claimed(self, spare: _Spare, patience_ends: float) -> ServiceSocket | None:
        """Its socket, out of its keeper's hands; None when it is not fit to be used."""
        try:
            async with asyncio.timeout_at(patience_ends):
                await spare.settled.wait()
            spare.is_taken = True
        except TimeoutError:
            log.info("spare.slow")
        finally:
            spare.keeper.cancel()
        return await self._let_go(spare)

    async def _let_go(self, spare: _Spare) -> ServiceSocket | None:
        try:
            await asyncio.wait([spare.keeper])
        except asyncio.CancelledError:
            spare.is_lost = True
            raise
        finally:
            if spare.is_taken and (spare.is_lost or not (spare.socket and spare.socket.is_open)):
                self._close(spare)
        return spare.socket

    async def _keep(self, spare: _Spare) -> None:
        """Open it, and watch over it until it is taken, lost or too old."""
        try:
            await self._open(spare)
            if spare.socket is not None:
                await self._watch(spare, spare.socket)
        finally:
            spare.settled.set()
            self._forget(spare)
            if not spare.is_taken:
                self._close(spare)

    async def _open(self, spare: _Spare) -> None:
        try:
            spare.socket = await self._dial()
        except ProviderError as error:
            log.info("spare.failed", extra={"stage": error.stage, "reason": str(error)})
            self._forget(spare)
            self._expect_less()
        spare.settled.set()

    async def _watch(self, spare: _Spare, socket: ServiceSocket) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        if await _stays_quiet(socket, since + RENEW * self._limits.idle_s):
            spare.is_old = True
            self._tend()
            spare.is_lost = not await _stays_quiet(socket, since + self._limits.idle_s)
            return
        log.info("spare.lost", extra={"idle_s": round(loop.time() - since, 3)})
        spare.is_lost = True
        self._forget(spare)
        if loop.time() - since < _HASTY_S:
            self._expect_less()
        self._tend()

    def _expect_less(self) -> None:
        """One session less will find a spare."""
        if self._expected:
            self._expected.popleft()

    def _forget(self, spare: _Spare) -> None:
        if spare in self._spares:
            self._spares.remove(spare)

    def _close(self, spare: _Spare) -> None:
        if spare.socket is not None:
            self._chores.begin(spare.socket.close())
            spare.socket = None


async def _stays_quiet(socket: ServiceSocket, until: float) -> bool:
    """Whether nothing comes until then; nothing is due, so that whatever comes is the end of it."""
    try:
        async with asyncio.timeout_at(until):
            await socket.receive()
    except TimeoutError:
        return True
    except ProviderError:
        return False
    return False
