"""The connections of bidirectional synthesis that all calls share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.errors import ProviderTimeout
from backend.providers.chores import Chores
from backend.providers.volcengine.tts_connection import TtsConnection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of the pool; see `TtsConfig`."""

    max_connections: int
    acquire_timeout_s: float
    idle_close_s: float


@dataclass(slots=True)
class _Idle:
    connection: TtsConnection
    expiry: asyncio.TimerHandle


class TtsPool:
    """Lends connections out, each to one session at a time, and closes what has lain idle for long.

    Lent and idle ones together never exceed the maximum; when they would, the one that is idle for longest goes.
    """

    def __init__(self, connect: Callable[[str], Awaitable[TtsConnection]], limits: PoolLimits, chores: Chores) -> None:
        self._connect = connect
        self._limits = limits
        self._chores = chores
        self._slots = asyncio.Semaphore(limits.max_connections)
        self._lent = 0
        self._idle: list[_Idle] = []

    def has_idle(self, resource_id: str) -> bool:
        """Whether a session for this resource could start without a handshake."""
        return any(idle.connection.resource_id == resource_id and idle.connection.is_usable for idle in self._idle)

    @property
    def has_room(self) -> bool:
        """Whether a connection could be lent out without waiting."""
        return not self._slots.locked()

    async def take(self, resource_id: str, *, fresh: bool = False) -> TtsConnection:
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
            raise ProviderTimeout("tts", reason) from exc
        self._lent += 1
        try:
            idle = None if fresh else self._pop(resource_id)
            self._make_room()
            return idle or await self._connect(resource_id)
        except BaseException:
            self._free()
            raise

    def give_back(self, connection: TtsConnection) -> None:
        """The session on it is over; it is kept unless it is poisoned."""
        self._free()
        if not connection.is_usable:
            self._chores.begin(connection.close())
            return
        connection.has_idled = True
        expiry = asyncio.get_running_loop().call_later(self._limits.idle_close_s, self._expire, connection)
        self._idle.append(_Idle(connection, expiry))

    async def aclose(self) -> None:
        """Close what is idle."""
        idle, self._idle = self._idle, []
        for each in idle:
            each.expiry.cancel()
        await asyncio.gather(*(each.connection.close() for each in idle))

    def _pop(self, resource_id: str) -> TtsConnection | None:
        for idle in reversed(self._idle):  # the one used last is the likeliest to be alive
            if idle.connection.resource_id == resource_id:
                self._forget(idle)
                if idle.connection.is_usable:
                    return idle.connection
                self._chores.begin(idle.connection.close())
        return None

    def _make_room(self) -> None:
        while self._idle and self._lent + len(self._idle) > self._limits.max_connections:
            oldest = self._idle[0]
            self._forget(oldest)
            self._chores.begin(oldest.connection.close())

    def _expire(self, connection: TtsConnection) -> None:
        for idle in self._idle:
            if idle.connection is connection:
                self._forget(idle)
                self._chores.begin(connection.close())
                return

    def _forget(self, idle: _Idle) -> None:
        idle.expiry.cancel()
        self._idle.remove(idle)

    def _free(self) -> None:
        self._lent -= 1
        self._slots.release()
