"""WebSocket messages that are one binary frame each, past the library's machinery for all that may come besides.

Nearly everything that passes in a call is such a message, and `websockets` reads it with a chain of generators and
writes it within an asynchronous context: the most expensive part of a call (docs/performance.md). Whatever is not so
simple goes the library's way; so does everything, should a new version of it wait for frames in another place.
"""

import os
import struct
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Final

from websockets import frames
from websockets.asyncio.connection import Connection
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.streams import StreamReader
from websockets.typing import Data

_WHOLE_BINARY: Final = 0x82
_MASKED: Final = 0x80
_TWO_BYTES: Final = 126
_UINT16: Final = struct.Struct("!H")
_MASK_BYTES: Final = 4
_MASKS_AT_ONCE: Final = 1024
_MOST_BUFFERED_BYTES: Final = 24 * 1024
"""So much may wait in the transport after such a write: less than what makes the library wait for it to drain."""

_apply_mask: Final[Callable[[bytes, bytes], bytes]] = frames.apply_mask  # type: ignore[attr-defined]  # in C, if built


def send_now(connection: Connection, message: bytes) -> bool:
    """Write a binary message, if there is nothing to be waited for, before or after it.

    Returns:
        False if there is, or the connection is closing: nothing was written, and `connection.send` is the way.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol.state is not State.OPEN or protocol.extensions or connection.send_in_progress is not None:
        return False
    if connection.paused or transport.is_closing():
        return False
    if transport.get_write_buffer_size() + len(message) > _MOST_BUFFERED_BYTES:
        return False
    transport.write(whole_frame(message, next(_masks) if protocol.side is Side.CLIENT else None))
    return True


class WholeMessages(Connection):
    """A connection that takes such messages from what it receives, each as an event, as the library would."""

    _is_between = False

    def data_received(self, data: bytes) -> None:
        """Take what the peer has sent."""
        rest = self._taken(data) if self._is_between else data
        if rest:
            super().data_received(rest)
            self._is_between = _waits_for_a_frame(self.protocol)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of what the error that ended the reading knows: the last frame, and the protocol that keeps it."""
        super().connection_lost(exc)
        if (ending := self.protocol.parser_exc) is not None:
            ending.__traceback__ = None

    async def recv(self, decode: bool | None = None) -> Data:  # type: ignore[override]  # it is overloaded
        """The next message; cancelling loses none, as with the library's own."""
        if decode is None and not self.recv_messages.get_in_progress:
            await self._something()
            if (message := self._next_whole()) is not None:
                return message
        return await super().recv(decode)

    async def _something(self) -> None:
        """Wait until there is a frame, or will be none."""
        frames = self.recv_messages.frames
        if frames.queue or self.recv_messages.closed or frames.get_waiter is not None:
            return
        frames.get_waiter = self.loop.create_future()
        try:
            await frames.get_waiter
        except EOFError:
            pass
        finally:
            frames.get_waiter = None

    def _next_whole(self) -> bytes | None:
        queue = self.recv_messages.frames.queue
        if not queue or not (frame := queue[0]).fin or frame.opcode is not Opcode.BINARY:
            return None
        queue.popleft()
        self.recv_messages.maybe_resume()
        return bytes(frame.data)

    def _taken(self, data: bytes) -> bytes:
        """Take whole messages from its beginning; gives what is left."""
        protocol, at = self.protocol, 0
        masked, most = protocol.side is Side.SERVER, protocol.max_message_size
        while protocol.state is State.OPEN and (found := whole_message(data, at, masked=masked)) is not None:
            message, end = found
            if most is not None and len(message) > most:
                break
            at = end
            self.process_event(Frame(Opcode.BINARY, message))
        return data[at:]


def whole_frame(message: bytes, mask: bytes | None) -> bytes:
    """A binary message of at most 64 KB as one frame."""
    size, bit = len(message), 0 if mask is None else _MASKED
    head = bytes((_WHOLE_BINARY, bit | min(size, _TWO_BYTES)))
    if size >= _TWO_BYTES:
        head += _UINT16.pack(size)
    return head + message if mask is None else b"".join((head, mask, _apply_mask(message, mask)))


def whole_message(data: bytes, at: int, *, masked: bool) -> tuple[bytes, int] | None:
    """The binary message that is the whole frame at this place, and where the next one begins; None for all else."""
    start = at + 2
    if len(data) < start or data[at] != _WHOLE_BINARY:
        return None
    size = data[at + 1] ^ _MASKED if masked else data[at + 1]
    if size == _TWO_BYTES and len(data) >= start + _UINT16.size:
        (size,) = _UINT16.unpack_from(data, start)
        start += _UINT16.size
    elif size >= _TWO_BYTES:
        return None
    body = start + _MASK_BYTES if masked else start
    end = body + size
    if len(data) < end:
        return None
    return (_apply_mask(data[body:end], data[start:body]) if masked else data[body:end]), end


def _waits_for_a_frame(protocol: Protocol) -> bool:
    """Whether the next byte begins a frame, and that no fragment of a message."""
    parser: object = protocol.parser
    while isinstance(parser, GeneratorType) and parser.gi_yieldfrom is not None:
        parser = parser.gi_yieldfrom
    at_a_frame = isinstance(parser, GeneratorType) and parser.gi_code is StreamReader.at_eof.__code__
    plain = not protocol.extensions and protocol.max_fragment_size is None
    return at_a_frame and plain and protocol.current_size is None and protocol.state is State.OPEN


def _random_masks() -> Iterator[bytes]:
    """By the thousand: the system is slower to be asked than to answer."""
    while True:
        random = os.urandom(_MASK_BYTES * _MASKS_AT_ONCE)
        for at in range(0, len(random), _MASK_BYTES):
            yield random[at : at + _MASK_BYTES]


_masks = _random_masks()
