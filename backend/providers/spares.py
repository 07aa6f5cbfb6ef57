"""WebSockets opened ahead of sessions that were announced, where each serves one session only."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from backend.errors import ProviderError
from backend.providers.chores import Chores
from backend.providers.demand import Announced
from backend.providers.reserve import Reserve, ReserveLimits
from backend.providers.sockets import ServiceSocket

log = logging.getLogger(__name__)


class Spares:
    """Holds as many open sockets as sessions are expected, on which nothing was sent yet.

    A spare on which anything comes, or which the service closes, never serves.
    """

    def __init__(self, dial: Callable[[], Awaitable[ServiceSocket]], limits: ReserveLimits, chores: Chores) -> None:
        self._dial = dial
        self._chores = chores
        self._sessions = Announced(limits.most, limits.kept_s)
        self._lines = Reserve(self._open, limits, self._sessions)
        self.aclose = self._lines.aclose

    async def warm(self) -> None:
        """Expect one more session; returns when its spare is ready, or could not be opened."""
        self._sessions.announce(asyncio.get_running_loop().time())
        await self._lines.warm()

    async def take(self) -> ServiceSocket | None:
        """A spare for a session, if one is open or about to be."""
        self._sessions.come()
        while (line := await self._lines.take()) is not None:
            if (socket := await line.released()) is not None:
                return socket
        return None

    async def _open(self) -> "_SpareSocket | None":
        try:
            return _SpareSocket(await self._dial(), self._chores)
        except ProviderError as error:
            log.info("spare.failed", extra={"stage": error.stage, "reason": str(error)})
            return None


class _SpareSocket:
    """One of them. Nothing is due on it, so that whatever comes is the end of it."""

    def __init__(self, socket: ServiceSocket, chores: Chores) -> None:
        self._socket = socket
        self._chores = chores
        self._reader: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a session may begin on it."""
        return self._socket.is_open and (self._reader is None or not self._reader.done())

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Read, and tell when something comes."""

        def ended(reader: "asyncio.Task[None]") -> None:
            if not reader.cancelled():
                tell()

        self._reader = self._chores.begin(self._read())
        self._reader.add_done_callback(ended)

    def close(self) -> None:
        """Close it, beside everything else."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        self._chores.begin(self._socket.close())

    async def released(self) -> ServiceSocket | None:
        """The socket, which nobody reads any more; None when something came at the last moment."""
        if (reader := self._reader) is not None:
            self._reader = None  # its cancellation remembers us: the socket would stay until the collector comes by
            reader.cancel()
            try:
                await asyncio.wait([reader])
            except asyncio.CancelledError:
                self.close()
                raise
        if self._socket.is_open and (reader is None or reader.cancelled()):
            return self._socket
        self.close()
        return None

    async def _read(self) -> None:
        with suppress(ProviderError):
            await self._socket.receive()
