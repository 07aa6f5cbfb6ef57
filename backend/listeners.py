"""The two ports: calls over WebSocket, the page over HTTP; with certificates where there are some."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from websockets.asyncio.server import serve

from backend.access.addresses import Addresses
from backend.access.door import peer_of
from backend.access.settings import SocketLimits, TlsSettings
from backend.access.waiting import WaitingRoom
from backend.errors import ConfigError
from backend.guarded_socket import guarded
from backend.local_vendors import taken
from backend.reception import Reception
from backend.settings import Settings
from backend.web import Web

_CLOSE_S: Final = 2.0
_KEEP_ALIVE_S: Final = 15.0
"""An HTTP connection that has asked for nothing for so long, or not finished asking, is closed."""


async def take_calls(stack: AsyncExitStack, settings: Settings, reception: Reception) -> int:
    """Listen for calls until the stack is closed; the port.

    Raises:
        ConfigError: the port is taken, or the certificate is not good.
    """
    address, limits = settings.call_address, settings.socket
    secure: dict[str, Any] = {}
    if (context := tls(settings.tls)) is not None:
        secure = {"ssl": context, "ssl_handshake_timeout": limits.handshake_s}
    try:
        calls = await stack.enter_async_context(
            serve(
                reception.answer,
                address.host,
                address.port,
                process_request=reception.admit,
                select_subprotocol=reception.choose_subprotocol,
                create_connection=guarded(limits, WaitingRoom(limits.waiting)),  # type: ignore[arg-type]
                max_size=settings.call.max_message_bytes,
                compression=None,  # speech does not shrink, and deflate costs memory and time on every frame
                open_timeout=limits.handshake_s,
                close_timeout=_CLOSE_S,
                server_header=None,
                **secure,
            )
        )
    except OSError as exc:
        raise taken(address, "CALL_PORT", exc) from exc
    port: int = next(iter(calls.sockets)).getsockname()[1]
    return port


async def serve_page(stack: AsyncExitStack, settings: Settings, page: Web) -> int:
    """Serve the page until the stack is closed; the port.

    Raises:
        ConfigError: the port is taken, or the certificate is not good.
    """
    address, limits = settings.web_address, settings.socket
    runner = web.AppRunner(
        page.app(),
        access_log=None,
        shutdown_timeout=_CLOSE_S,
        keepalive_timeout=min(_KEEP_ALIVE_S, limits.handshake_s),
        max_headers=limits.headers,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = _Site(runner, address.host, address.port, tls(settings.tls), limits)
    try:
        await site.start()
    except OSError as exc:
        raise taken(address, "WEB_PORT", exc) from exc
    port: int = runner.addresses[0][1]
    return port


def tls(settings: TlsSettings) -> ssl.SSLContext | None:
    """The certificate and its key, ready to be shown; None where there are none.

    Raises:
        ConfigError: they cannot be read, or do not belong together.
    """
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("TLS_CERT", settings.certificate), ("TLS_KEY", settings.key)):
        if not Path(path).is_file():
            raise ConfigError(f"{name}={path} is no file")
    try:
        context.load_cert_chain(settings.certificate, settings.key, password="")
    except (ssl.SSLError, OSError, ValueError) as exc:
        raise ConfigError(
            f"TLS_CERT={settings.certificate} and TLS_KEY={settings.key} are no certificate with its key: two PEM "
            "files are wanted, the key without a password"
        ) from exc
    return context


class _Site(web.BaseSite):
    """Where aiohttp listens, with a bound on how many connections it holds."""

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None, limits: SocketLimits
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._place = (host, port)
        self._handshake_s = limits.handshake_s
        self._room = WaitingRoom(limits.page_connections)

    @property
    def name(self) -> str:
        """The address, for people."""
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://{self._place[0]}:{self._place[1]}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        make: Callable[[], Any] = self._runner.server  # type: ignore[assignment]
        host, port = self._place
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Counted(make(), self._room),
            host,
            port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=None if self._ssl_context is None else self._handshake_s,
        )


class _Counted(asyncio.Protocol):
    """One of aiohttp's connections, in the waiting room as long as it lasts."""

    def __init__(self, inner: Any, room: WaitingRoom) -> None:
        self._room = room
        self._address = ""
        self._inner = inner

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
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
