"""TLS handshakes in a waiting room: a socket has its place there from the accept on, and not only once it speaks.

An event loop that is given a certificate tells nobody of a connection before hands are shaken, so that nobody can count
those that never do it. Here a connection is plain when it is made, is counted, and becomes a secure one.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from backend.access.addresses import Addresses
from backend.access.door import peer_of
from backend.access.waiting import WaitingRoom

log = logging.getLogger(__name__)


class TlsHandshakes:
    """Carries out the TLS handshakes of one port, each within its time.

    Args:
        context: the certificate.
        seconds: that each may take.
        room: where they wait, beside connections that have finished and asked for nothing yet.
        close_s: how long the other end has to answer when a secure connection is closed.
    """

    def __init__(self, context: ssl.SSLContext, seconds: float, room: WaitingRoom, close_s: float) -> None:
        self._context = context
        self._seconds = seconds
        self._room = room
        self._close_s = close_s
        self._under_way: dict[asyncio.Task[None], asyncio.Transport] = {}

    def begin(self, plain: Any, protocol: asyncio.Protocol, then: Callable[[Any], None]) -> None:
        """Shake hands over a connection that has just been made, and close it where nothing comes of that.

        Args:
            plain: the connection's transport.
            protocol: whose connection it becomes.
            then: told of the transport that is secure, before the protocol hears what comes on it.
        """
        early = _Early(Addresses().client(peer_of(plain.get_extra_info("peername")), []))
        plain.set_protocol(early)
        plain.pause_reading()  # the client's first words are for the handshake, which begins a little later
        self._room.enter(early.address, early, plain.abort)
        task = asyncio.get_running_loop().create_task(self._secure(plain, early, protocol, then))
        self._under_way[task] = plain
        task.add_done_callback(self._under_way.pop)

    async def aclose(self) -> None:
        """Leave unfinished what is under way."""
        left = dict(self._under_way)
        for task, plain in left.items():
            task.cancel()
            plain.abort()
        await asyncio.gather(*left, return_exceptions=True)

    async def _secure(
        self, plain: asyncio.Transport, early: "_Early", protocol: asyncio.Protocol, then: Callable[[Any], None]
    ) -> None:
        secure = None if plain.is_closing() else await self._shake_hands(plain, early)
        self._room.leave(early.address, early)
        if secure is None or plain.is_closing():  # uvloop has a transport also where the handshake was cut off
            plain.abort()
            return
        secure.set_protocol(protocol)
        then(secure)
        early.pass_on(protocol)

    async def _shake_hands(self, plain: asyncio.Transport, early: "_Early") -> asyncio.Transport | None:
        loop = asyncio.get_running_loop()
        loop.call_soon(_repeat, early, plain)  # before anything else is read
        try:
            return await loop.start_tls(
                plain,
                early,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=self._close_s,
            )
        except OSError as exc:  # what the client said was no TLS, or it left, or took too long
            log.debug("tls.failed", extra={"error": type(exc).__name__})
            return None


def _repeat(early: "_Early", plain: asyncio.Transport) -> None:
    """Tell the handshake what the client said before that had begun: uvloop reads in spite of a pause."""
    data = early.take()
    protocol: Any = plain.get_protocol()  # an `asyncio.BufferedProtocol`, though uvloop's does not say so
    while data:
        room = protocol.get_buffer(len(data))
        size = min(len(room), len(data))
        room[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class _Early(asyncio.Protocol):
    """Keeps what comes before the handshake, and what comes after it until somebody is told of the connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._data = bytearray()
        self._has_ended = False

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._data += data

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        self._has_ended = True

    def take(self) -> bytes:
        """Bytes have come from the other end."""
        data, self._data = bytes(self._data), bytearray()
        return data

    def pass_on(self, protocol: asyncio.Protocol) -> None:
        """Tell it what has come."""
        if data := self.take():
            protocol.data_received(data)
        if self._has_ended:
            protocol.eof_received()
