"""The TCP connections that were opened to the emulator: when, and what for."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

_KEPT: Final = 4096
_SETTLED_NS: Final = 1_000_000_000
_ROOM: Final = 256


@dataclass(slots=True)
class Socket:
    """One connection, as the service counts it that uses it."""

    sessions: int = 0


@dataclass(slots=True, eq=False)
class Visit:
    """One connection.

    Attributes:
        ns: when it was accepted, on the machine's monotonic clock.
        path: of its first request; empty as long as nothing was asked.
        requests: that came by it so far.
        socket: what a service of requests and answers counts it as.
    """

    ns: int = field(default_factory=time.monotonic_ns)
    path: str = ""
    requests: int = 0
    socket: Socket | None = None


class Door:
    """Every connection comes through it."""

    def __init__(self) -> None:
        self._visits: deque[Visit] = deque(maxlen=_KEPT)
        self._of: dict[RequestHandler, Visit] = {}  # aiohttp's protocols take no weak references
        self._room = _ROOM

    def admitting(self, server: Callable[[], RequestHandler]) -> Callable[[], RequestHandler]:
        """The server's maker of protocols; each one that it makes is noted."""

        def admit() -> RequestHandler:
            self._tidy()
            protocol = server()
            self._of[protocol] = visit = Visit()
            self._visits.append(visit)
            return protocol

        return admit

    def visit(self, request: web.BaseRequest) -> Visit:
        """The connection by which a request came."""
        return self._of.setdefault(request.protocol, Visit())

    def asked(self, request: web.BaseRequest) -> None:
        """Note a request."""
        visit = self.visit(request)
        visit.path = visit.path or request.path
        visit.requests += 1

    @property
    def open(self) -> int:
        """Connections that are up."""
        return sum(protocol.connected for protocol in self._of)

    @property
    def waiting(self) -> int:
        """Of these, how many were never asked anything."""
        return sum(protocol.connected and not visit.requests for protocol, visit in self._of.items())

    def hang_up(self) -> None:
        """Close every connection that is up, without a word."""
        for protocol in self._of:
            if protocol.transport is not None:
                protocol.transport.close()

    def reset(self) -> None:
        """Forget those that were opened so far."""
        self._visits.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return [{"ns": visit.ns, "path": visit.path, "requests": visit.requests} for visit in self._visits]

    def _tidy(self) -> None:
        if len(self._of) < self._room:
            return
        young_ns = time.monotonic_ns() - _SETTLED_NS
        self._of = {each: visit for each, visit in self._of.items() if each.connected or visit.ns > young_ns}
        self._room = 2 * len(self._of) + _ROOM


class Premises(web.AppRunner):
    """An application behind a door."""

    _listening: asyncio.Server | None = None

    async def open(self, door: Door, host: str, port: int) -> int:
        """Serve from now on; gives the real port.

        Raises:
            OSError: the port is taken, or the host is not of this machine.
        """
        await self.setup()
        if self.server is None:
            raise RuntimeError("nothing was set up")
        self._listening = await asyncio.get_running_loop().create_server(door.admitting(self.server), host, port)
        return int(self._listening.sockets[0].getsockname()[1])

    async def cleanup(self) -> None:
        """Let nobody in any more, and end what goes on."""
        if self._listening is not None:
            self._listening.close()
        await super().cleanup()
