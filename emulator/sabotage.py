"""Ways to misbehave below the protocol: what a network does, and a peer that breaks the rules of WebSocket or HTTP."""

import socket
import struct
from contextlib import suppress
from typing import Final

from aiohttp import web

from emulator.script import Fault, Kind

HUGE_BYTES: Final = 64 * 1024 * 1024
"""More than any client of these services takes in one message."""
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_LINGER_NO_TIME: Final = struct.pack("ii", 1, 0)


def strike(fault: Fault, request: web.Request, *, text: bool = False) -> bool:
    """Do to a WebSocket's connection what the fault says, if it is one of these; nothing may be sent on it after that.

    Args:
        text: the service's messages are texts.

    Returns:
        Whether the connection is gone for both sides.
    """
    match fault.kind:
        case Kind.CUT if request.transport is not None:
            request.transport.abort()
        case Kind.RESET:
            reset(request)
        case Kind.HALF_CLOSE:
            half_close(request)
        case Kind.OVERSIZE if request.transport is not None:
            head = bytes((_TEXT if text else _BINARY, 127)) + HUGE_BYTES.to_bytes(8, "big")
            request.transport.write(head + b"a" * 1000)
    return fault.kind in (Kind.CUT, Kind.RESET)


def reset(request: web.Request) -> None:
    """Drop the connection with a TCP reset."""
    if (transport := request.transport) is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NO_TIME)
        transport.abort()


def half_close(request: web.Request) -> None:
    """End the way down without a word; the way up stays open, and is read."""
    if (transport := request.transport) is not None:
        with suppress(OSError):  # the client was faster
            transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
