"""The caller's line: one WebSocket, with a bound on how long a client may leave what it is sent unread."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from backend.access.toll import Toll, cost_s
from backend.access.turnstile import HEAVY_S, Turnstile
from backend.call.moves import LineBack, LineCut
from backend.telemetry.readings import Traffic
from backend.whole_messages import send_now

log = logging.getLogger(__name__)

CLOSE_INTERNAL: Final = 1011
NOT_READING: Final = "the client does not read"
CLOSE_POLICY: Final = 1008
_NO_LIMIT: Final = 2**30
"""Of a buffer, in bytes: uvloop takes no more than an `int` of C holds."""
GOODBYES: Final = frozenset({1000, 1001, 1005})
"""Done, gone away, and no reason given: with these a client hangs up."""
HURRIED_WRITE_S: Final = 0.3
"""How long a client may leave unread what it is sent, once somebody waits for its connection to end."""


class Line(Protocol):
    """What a call needs of its connection."""

    def messages(self) -> AsyncIterator[bytes | str | LineCut | LineBack]:
        """What the client sends, until the line ends, however it ends; and news of the line itself."""

    async def send(self, data: bytes) -> None:
        """One binary message; nothing happens once the connection is gone."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""

    def hurry(self) -> None:
        """The connection is about to be ended, and somebody waits for that: a client that does not read is left."""


class WebSocketLine:
    """A line over `websockets`.

    Args:
        blocked_write_s: a client that reads nothing for this long is hung up on.
        traffic: what passes is counted there.
        turnstile: where the heavy messages of all callers wait for each other.
    """

    def __init__(
        self, socket: ServerConnection, blocked_write_s: float, traffic: Traffic, turnstile: Turnstile | None = None
    ) -> None:
        self._socket = socket
        self._traffic = traffic
        self._blocked_write_s = blocked_write_s
        self._toll = Toll()
        self._turnstile = turnstile or Turnstile()
        self._writing: set[asyncio.Timeout] = set()

    async def messages(self) -> AsyncIterator[bytes | str]:
        """See `Line`."""
        try:
            while True:  # `async for` would be one more coroutine between the socket and us, for each message
                message = await self._socket.recv()
                self._traffic.up_bytes += len(message)
                if (cost := cost_s(message)) >= HEAVY_S:
                    await self._turnstile.pass_through(cost)
                yield message
                if wait_s := self._toll.wait_s(cost, time.monotonic()):
                    await asyncio.sleep(wait_s)
        except ConnectionClosed:
            return

    async def send(self, data: bytes) -> None:
        """See `Line`."""
        try:
            if not send_now(self._socket, data):
                await self._send_slowly(data)
            self._traffic.down_bytes += len(data)
        except ConnectionClosed:
            return
        except TimeoutError:
            log.warning("line.blocked", extra={"blocked_write_s": self._blocked_write_s})
            await self._abandon()

    async def _send_slowly(self, data: bytes) -> None:
        async with asyncio.timeout(self._blocked_write_s) as patience:
            self._writing.add(patience)
            try:
                await self._socket.send(data)
            finally:
                self._writing.discard(patience)

    async def close(self, code: int, reason: str) -> None:
        """See `Line`."""
        await self._socket.close(code, reason[:100])

    def hurry(self) -> None:
        """See `Line`."""
        self._blocked_write_s = min(self._blocked_write_s, HURRIED_WRITE_S)
        soon = asyncio.get_running_loop().time() + self._blocked_write_s
        for patience in self._writing:
            due = patience.when()
            patience.reschedule(soon if due is None else min(due, soon))

    @property
    def was_cut(self) -> bool:
        """Whether a line that has ended was cut: the client neither said goodbye nor was sent away for what it did."""
        ending = self._socket.protocol
        if ending.close_rcvd is not None and ending.close_rcvd_then_sent is not False:
            return ending.close_rcvd.code not in GOODBYES
        return ending.close_sent is None or ending.close_sent.code == CLOSE_INTERNAL

    async def _abandon(self) -> None:
        """A polite close frame first, for the client that wakes up; no waiting for its answer, as it reads nothing."""
        if self._socket.transport.is_closing():  # uvloop's does nothing more then, and says so by an error
            return
        self._socket.transport.set_write_buffer_limits(high=_NO_LIMIT)
        try:
            async with asyncio.timeout(0.1):
                await self._socket.close(CLOSE_INTERNAL, NOT_READING)
        except TimeoutError:
            self._socket.transport.abort()
