"""The port at which the page and what belongs to it are served: HTTP, with a certificate where there is one."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from backend.access.addresses import Addresses
from backend.access.door import peer_of
from backend.access.waiting import WaitingRoom
from backend.connections.certificate import tls, tls_handshake_s
from backend.connections.page_log import HTTP_LOG
from backend.connections.tls_handshakes import TlsHandshakes
from backend.process.listening import cannot_listen
from backend.settings import Settings
from backend.web import Web

_CLOSE_S: Final = 2.0
_KEEP_ALIVE_S: Final = 15.0
"""An HTTP connection that has asked for nothing for so long, or not finished asking, is closed."""


async def serve_page(stack: AsyncExitStack, settings: Settings, page: Web) -> int:
    """Serve the page until the stack is closed; the port.

    Raises:
        ConfigError: the port cannot be had, or the certificate is not good.
    """
    address, limits = settings.web_address, settings.socket
    runner = web.AppRunner(
        page.app(),
        access_log=None,
        logger=HTTP_LOG,
        shutdown_timeout=_CLOSE_S,
        keepalive_timeout=min(_KEEP_ALIVE_S, limits.handshake_s),
        max_headers=limits.headers,
    )
    await runner.setup()
    _refuse_odd_expectations(runner)
    stack.push_async_callback(runner.cleanup)
    room = WaitingRoom(limits.page_connections)
    context = tls(settings.tls)
    handshakes = None if context is None else TlsHandshakes(context, tls_handshake_s(limits), room, _CLOSE_S)
    if handshakes is not None:
        stack.push_async_callback(handshakes.aclose)
    site = _Site(runner, address.host, address.port, room, handshakes)
    try:
        await site.start()
    except (OSError, UnicodeError) as exc:
        raise cannot_listen(address, "WEB_PORT", exc) from exc
    port: int = runner.addresses[0][1]
    return port


def _refuse_odd_expectations(runner: web.AppRunner) -> None:
    """The library repeats an `Expect` that it does not know, and fails where that is no text."""
    if (server := runner.server) is None:
        return
    handle = server.request_handler

    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").isascii():
            return await handle(request)
        return web.Response(status=HTTPStatus.EXPECTATION_FAILED)

    server.request_handler = handled


class _Site(web.BaseSite):
    """Where aiohttp listens, with a bound on how many connections it holds."""

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, room: WaitingRoom, handshakes: TlsHandshakes | None
    ) -> None:
        super().__init__(runner)
        self._place = (host, port)
        self._room = room
        self._handshakes = handshakes

    @property
    def name(self) -> str:
        """The address, for people."""
        scheme = "http" if self._handshakes is None else "https"
        return f"{scheme}://{self._place[0]}:{self._place[1]}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        make: Callable[[], Any] = self._runner.server  # type: ignore[assignment]
        host, port = self._place
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Counted(make(), self._room, self._handshakes), host, port, backlog=self._backlog
        )


class _Counted(asyncio.Protocol):
    """One of aiohttp's connections, in the waiting room as long as it lasts, and before that as long as it takes to
    become secure, where it has to be.
    """

    def __init__(self, inner: Any, room: WaitingRoom, handshakes: TlsHandshakes | None) -> None:
        self._handshakes = handshakes
        self._room = room
        self._address = ""
        self._inner = inner

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        if self._handshakes is None:
            self._connected(transport)
        else:
            self._handshakes.begin(transport, self, self._connected)

    def _connected(self, transport: Any) -> None:
        self._inner.connection_made(transport)
        self._address = Addresses().client(peer_of(transport.get_extra_info("peername")), [])
        self._room.enter(self._address, self, transport.abort)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`."""
        closing: bool | None = self._inner.eof_received()
        return closing

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._room.leave(self._address, self)
        self._inner.connection_lost(exc)
