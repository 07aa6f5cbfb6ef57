"""A WebSocket client that costs next to nothing, so that two hundred callers fit on one core beside the emulator.

It masks with zeros, which leaves a frame as it is: the server's work is the same, and ours was done beforehand.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

BINARY: Final = 0x2
_TEXT: Final = 0x1
_CLOSE: Final = 0x8
_PING: Final = 0x9
_PONG: Final = 0xA
_FIN: Final = 0x80
_MASKED: Final = 0x80
_SWITCHED: Final = b"101"
_OPEN_S: Final = 20.0


class Refused(Exception):  # noqa: N818 - says what happened
    """The server answered the handshake with this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


def masked(payload: bytes, opcode: int = BINARY) -> bytes:
    """A whole client frame, ready to be written again and again."""
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, _MASKED | size))
    elif size < 65536:
        head = bytes((_FIN | opcode, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASKED | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class Wire(asyncio.Protocol):
    """One connection.

    Args:
        take: is given every message.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.answered: asyncio.Future[bytes] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._take = take
        self._rest = bytearray()
        self._parts = bytearray()
        self._open = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError("closed during the handshake"))
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Whole messages out of what came."""
        self._rest += data
        if not self._open:
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            self._open = True
            self._rest = rest
            if not self.answered.done():
                self.answered.set_result(bytes(head))
        self._cut()

    def write(self, frame: bytes) -> None:
        """Send a frame that `masked` has made."""
        if not self._transport.is_closing():
            self._transport.write(frame)

    def close(self) -> None:
        """Hang up."""
        self.write(masked(b"\x03\xe8", _CLOSE))
        self._transport.close()

    def abort(self) -> None:
        """Drop it."""
        self._transport.abort()

    def _cut(self) -> None:
        rest, at = self._rest, 0
        while len(rest) - at >= 2:
            size, start = rest[at + 1] & 0x7F, at + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                if len(rest) < start:
                    break
                size = int.from_bytes(rest[at + 2 : start], "big")
            if len(rest) < start + size:
                break
            self._frame(rest[at], bytes(rest[start : start + size]))
            at = start + size
        del rest[:at]

    def _frame(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == _PING:
            self.write(masked(payload, _PONG))
        elif opcode == _CLOSE:
            self.close()
        elif opcode in (0, _TEXT, BINARY):
            if first & _FIN and not self._parts:
                self._take(payload)
                return
            self._parts += payload
            if first & _FIN:
                whole, self._parts = bytes(self._parts), bytearray()
                self._take(whole)


async def dial(url: str, take: Callable[[bytes], None]) -> Wire:
    """Connect and shake hands.

    Raises:
        Refused: the server will not have it.
        OSError: there is no server, or it hung up.
        TimeoutError: it does not answer.
    """
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_OPEN_S):
        _, wire = await loop.create_connection(lambda: Wire(take), parts.hostname or "127.0.0.1", parts.port or 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        wire._transport.write(
            (
                f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )
        try:
            head = await wire.answered
        except BaseException:
            wire.abort()
            raise
    status = head.split(b" ", 2)[1]
    if status != _SWITCHED:
        wire.abort()
        raise Refused(int(status))
    return wire
