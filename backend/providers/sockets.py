"""WebSockets to speech services: opened, used and closed within bounds, with errors of our own tree."""

import asyncio
import functools
import ipaddress
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, InvalidURI, WebSocketException
from websockets.http11 import Response
from websockets.protocol import State

from backend.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable, Stage
from backend.weighed_frames import WeighedFrames
from backend.whole_messages import WholeMessages, send_now

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
MAX_WAITING_MESSAGES: Final = 256  # a reader that pauses must not starve the pongs, which queue behind messages
MAX_WAITING_BYTES: Final = 512 * 1024
CLOSE_S: Final = 1.0

_log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.INFO)  # below that the library writes headers out, and with them our keys


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How long a socket may take; a `ping_interval_s` of None sends no pings."""

    connect_timeout_s: float
    send_timeout_s: float
    ping_interval_s: float | None
    ping_timeout_s: float


class _Dial(connect):
    """Never follows a redirect: the key in the headers is for the configured host alone."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _ServiceConnection(WholeMessages, ClientConnection):
    """What is dialled. Whatever comes shows that the service is there, also where pongs queue behind much sound."""

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.recv_messages.frames = WeighedFrames(MAX_WAITING_BYTES // MAX_WAITING_MESSAGES)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.pending_pings:
            self.acknowledge_pings(next(reversed(self.pending_pings)))
        super().data_received(data)


class ServiceSocket:
    """One open WebSocket to a service."""

    def __init__(self, stage: Stage, connection: ClientConnection, limits: SocketLimits) -> None:
        self._stage: Stage = stage
        self._connection = connection
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._is_blocked = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has begun to close it."""
        return self._connection.state is State.OPEN

    def header(self, name: str) -> str:
        """A header of the handshake's answer, empty when it has none."""
        response = self._connection.response
        return "" if response is None else response.headers.get(name, "")

    async def send(self, message: bytes | str) -> None:
        """Write one message; a string is a text message.

        Raises:
            ProviderUnavailable: the connection is closed.
            ProviderTimeout: the service does not read.
        """
        if isinstance(message, bytes) and send_now(self._connection, message):
            return
        watch = self._loop.call_later(self._limits.send_timeout_s, self._give_up)  # cheaper than a timeout block
        try:
            await self._connection.send(message)
        except ConnectionClosed as exc:
            if self._is_blocked:
                raise ProviderTimeout(self._stage, self._blocked) from exc
            raise self._closed(exc) from exc
        finally:
            watch.cancel()

    async def receive(self) -> bytes | str:
        """The next message. Cancelling loses none.

        Raises:
            ProviderUnavailable: the connection is closed; also where it had to be, because the service does not read.
        """
        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise self._closed(exc) from exc

    async def close(self) -> None:
        """Close it, politely if that goes quickly."""
        try:
            with suppress(TimeoutError, OSError, WebSocketException):
                async with asyncio.timeout(CLOSE_S):
                    await self._connection.close()
        finally:
            self._connection.transport.abort()

    def _give_up(self) -> None:
        self._is_blocked = True
        self._connection.transport.abort()

    @property
    def _blocked(self) -> str:
        return f"the service took nothing in for {self._limits.send_timeout_s:g} s"

    def _closed(self, exc: ConnectionClosed) -> ProviderUnavailable:
        if self._is_blocked:
            return ProviderUnavailable(self._stage, self._blocked)
        said = exc.rcvd
        note = f" ({said.code} {said.reason})".replace(" )", ")") if said else ""
        return ProviderUnavailable(self._stage, f"the service closed the connection{note}")


async def dial(
    stage: Stage,
    url: str,
    headers: Mapping[str, str],
    limits: SocketLimits,
    refused: Callable[[Response], ProviderError],
) -> ServiceSocket:
    """Open a WebSocket, without compression: speech does not shrink, and the CPU is ours.

    Args:
        refused: makes the error of an answer that is no upgrade.

    Raises:
        ProviderError: of `stage`, whatever went wrong.
    """
    try:
        connection = await _connect(url, headers, limits)
    except InvalidStatus as exc:
        raise refused(exc.response) from exc
    except (InvalidURI, InvalidProxy) as exc:
        raise ProviderRefused(stage, "the configured address is no WebSocket URL") from exc
    except TimeoutError as exc:
        raise ProviderTimeout(stage, f"no connection within {limits.connect_timeout_s:g} s") from exc
    except (OSError, WebSocketException, ImportError) as exc:  # ImportError: a SOCKS proxy without python-socks
        _log.info("socket.unreachable", extra={"stage": stage, "reason": type(exc).__name__})
        raise ProviderUnavailable(stage, "cannot connect to the service") from exc
    return ServiceSocket(stage, connection, limits)


async def _connect(url: str, headers: Mapping[str, str], limits: SocketLimits) -> ClientConnection:
    address = urlsplit(url)
    return await _Dial(
        url,
        additional_headers=headers,
        create_connection=_ServiceConnection,
        compression=None,
        proxy=None if is_loopback(address.hostname) else True,
        ssl=_tls() if address.scheme == "wss" else None,
        open_timeout=limits.connect_timeout_s,
        ping_interval=limits.ping_interval_s,
        ping_timeout=limits.ping_timeout_s,
        close_timeout=CLOSE_S,
        max_size=MAX_MESSAGE_BYTES,
        max_queue=MAX_WAITING_MESSAGES,
        logger=_library_log,
    )


def is_loopback(host: str | None) -> bool:
    """Whether the host is this machine, which no proxy of the environment should stand before."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # loads the whole certificate store: once, not once a connection
