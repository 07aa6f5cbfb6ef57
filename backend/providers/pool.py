"""Connections to a service that all calls share, each for one session at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from backend.errors import ProviderError, ProviderTimeout, Stage
from backend.providers.chores import Chores

log = logging.getLogger(__name__)

_HASTY_S: Final = 1.0  # a connection lost sooner than this would be lost again at once


class Pooled(Protocol):
    """A connection that sessions may use one after another.

    Attributes:
        resource_id: what it was opened for; connections of different ones do not stand in for each other.
        has_idled: it lay unused for a while, and may have died meanwhile.
        is_poisoned: it never serves again.
    """

    resource_id: str
    has_idled: bool
    is_poisoned: bool

    @property
    def is_usable(self) -> bool:
        """Whether another session may be started here."""

    async def watch(self) -> None:
        """Read while no session runs; ends when it is lost or can be trusted no longer, and never raises."""

    async def close(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Pooled)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of the pool.

    Attributes:
        max_connections: lent and idle ones together.
        acquire_timeout_s: how long a session waits for one when all are lent out.
        idle_close_s: how long a free connection is kept after its last session.
        idle_renew_s: meanwhile it is replaced whenever it has lain idle for this long.
    """

    max_connections: int
    acquire_timeout_s: float
    idle_close_s: float
    idle_renew_s: float


@dataclass(slots=True, eq=False)
class _Idle(Generic[C]):
    """A place in the pool: its connection is replaced when it grows old, until nobody has come for long."""

    connection: C
    kept_until: float
    keeper: "asyncio.Task[None]" = field(init=False)


class Pool(Generic[C]):
    """Lends connections out, each to one session at a time, and closes what has lain idle for long.

    Meanwhile it replaces an idle one before the service would close it, and one that was lost all the same. Lent and
    idle ones together never exceed the maximum; when they would, the one that is idle for longest goes.
    """

    def __init__(
        self, stage: Stage, connect: Callable[[str], Awaitable[C]], limits: PoolLimits, chores: Chores
    ) -> None:
        self._stage: Stage = stage
        self._connect = connect
        self._limits = limits
        self._chores = chores
        self._keepers = Chores()
        self._slots = asyncio.Semaphore(limits.max_connections)
        self._lent = 0
        self._renewing = 0
        self._idle: list[_Idle[C]] = []

    def has_idle(self, resource_id: str) -> bool:
        """Whether a session for this resource could start without a handshake."""
        return any(idle.connection.resource_id == resource_id and idle.connection.is_usable for idle in self._idle)

    @property
    def has_room(self) -> bool:
        """Whether a connection could be lent out without waiting."""
        return not self._slots.locked()

    async def take(self, resource_id: str, *, fresh: bool = False) -> C:
        """Lend a connection; an idle one if there is one, unless it has to be `fresh`.

        Raises:
            ProviderTimeout: all are lent out, and none came back in time.
            ProviderError: a new one could not be opened.
        """
        try:
            async with asyncio.timeout(self._limits.acquire_timeout_s):
                await self._slots.acquire()
        except TimeoutError as exc:
            reason = f"all {self._limits.max_connections} connections to the service are in use"
            raise ProviderTimeout(self._stage, reason) from exc
        self._lent += 1
        try:
            idle = None if fresh else await self._pop(resource_id)
            self._make_room()
            return idle or await self._connect(resource_id)
        except BaseException:
            self._free()
            raise

    def give_back(self, connection: C) -> None:
        """The session on it is over; it is kept unless it is poisoned."""
        self._free()
        if not connection.is_usable:
            self._chores.begin(connection.close())
            return
        connection.has_idled = True
        idle = _Idle(connection, asyncio.get_running_loop().time() + self._limits.idle_close_s)
        self._idle.append(idle)
        idle.keeper = self._keepers.begin(self._keep(idle))

    async def aclose(self) -> None:
        """Close what is idle."""
        idle, self._idle = self._idle, []
        for each in idle:
            each.keeper.cancel()
        await self._keepers.aclose()
        await asyncio.gather(*(each.connection.close() for each in idle))

    async def _pop(self, resource_id: str) -> C | None:
        for idle in reversed(self._idle):  # the one used last is the likeliest to be alive
            if idle.connection.resource_id == resource_id:
                if (connection := await self._claimed(idle)) is not None:
                    return connection
                return await self._pop(resource_id)
        return None

    async def _claimed(self, idle: _Idle[C]) -> C | None:
        """Its connection, out of its keeper's hands; None when it is not fit to be used."""
        self._idle.remove(idle)
        idle.keeper.cancel()
        try:
            await asyncio.wait([idle.keeper])
        except asyncio.CancelledError:
            idle.connection.is_poisoned = True
            raise
        finally:
            if not idle.connection.is_usable:
                self._chores.begin(idle.connection.close())
        return idle.connection if idle.connection.is_usable else None

    def _make_room(self) -> None:
        while self._idle and self._in_all > self._limits.max_connections:
            oldest = self._idle.pop(0)
            oldest.keeper.cancel()
            self._chores.begin(oldest.connection.close())

    @property
    def _in_all(self) -> int:
        return self._lent + len(self._idle) + self._renewing

    async def _keep(self, idle: _Idle[C]) -> None:
        """Watch over it until it is taken, or has been kept for long enough."""
        while await self._stays(idle):
            pass
        if idle in self._idle:
            self._idle.remove(idle)
            self._chores.begin(idle.connection.close())

    async def _stays(self, idle: _Idle[C]) -> bool:
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            async with asyncio.timeout_at(min(since + self._limits.idle_renew_s, idle.kept_until)):
                await idle.connection.watch()
        except TimeoutError:
            return loop.time() < idle.kept_until and await self._renew(idle)
        return loop.time() - since >= _HASTY_S and await self._renew(idle)

    async def _renew(self, idle: _Idle[C]) -> bool:
        """Put a fresh connection in its place; whether there is one to be kept."""
        extra = 1 if self._in_all < self._limits.max_connections else 0
        if not extra:  # no two at a time
            await idle.connection.close()
        self._renewing += extra
        try:
            fresh = await self._connect(idle.connection.resource_id)
        except ProviderError as error:
            log.info("pool.not_renewed", extra={"stage": self._stage, "reason": str(error)})
            return idle.connection.is_usable
        finally:
            self._renewing -= extra
        self._chores.begin(idle.connection.close())
        fresh.has_idled = True
        idle.connection = fresh
        return True

    def _free(self) -> None:
        self._lent -= 1
        self._slots.release()
