"""A caller's socket with the bounds that the WebSocket library leaves open."""

from collections.abc import Callable
from typing import Any, Final

import websockets.http11
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from backend.access.addresses import Addresses
from backend.access.bounds import Bucket
from backend.access.door import peer_of
from backend.access.settings import SocketLimits
from backend.access.waiting import WaitingRoom
from backend.connections.tls_handshakes import TlsHandshakes
from backend.whole_messages import WholeMessages

_SLICE_BYTES: Final = 4 * 1024
"""What is read at once is taken in such pieces, so that a socket which has gone too far is not heard to the end."""
_FRAMES_AT_ONCE: Final = 32
"""After so many the other sockets have their turn."""
_CLOSE_POLICY: Final = 1008
_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class GuardedSocket(WholeMessages, ServerConnection):
    """Counts what comes before and between messages; a socket that goes too far is closed, and no other notices."""

    def __init__(
        self,
        *arguments: Any,
        limits: SocketLimits,
        room: WaitingRoom,
        handshakes: TlsHandshakes | None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._handshakes = handshakes
        self._limits = limits
        self._room = room
        self._address = ""
        self._handshake_bytes = 0
        self._fragments = 0
        self._frames = Bucket(limits.frames_per_s, limits.frame_burst)
        self.gone_too_far = False
        self._held_back = bytearray()
        self._heard = 0

    def connection_made(self, transport: Any) -> None:
        """It waits until it has said what it wants, and before that until it is secure, where it has to be."""
        if self._handshakes is None:
            self._connected(transport)
        else:
            self._handshakes.begin(transport, self, self._connected)

    def _connected(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = Addresses().client(peer_of(transport.get_extra_info("peername")), [])
        self._room.enter(self._address, self, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It waits no longer."""
        self._room.leave(self._address, self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take it piece by piece, as long as the socket keeps within its bounds, and gives the others their turn."""
        if self._held_back:
            self._held_back += data
            return
        self._heard = 0
        for start in range(0, len(data), _SLICE_BYTES):
            if self._heard > _FRAMES_AT_ONCE:
                self._held_back += data[start:]
                self.transport.pause_reading()  # else more comes than is heard, and is held back too
                self.loop.call_soon(self._go_on)
                return
            self._hear(data[start : start + _SLICE_BYTES])
            if self.gone_too_far or self.transport.is_closing():
                break
        if self.gone_too_far:
            self.transport.abort()

    def eof_received(self) -> None:
        """What was held back came before the end."""
        while self._held_back and not self.gone_too_far:
            self._go_on()
        super().eof_received()

    def _go_on(self) -> None:
        data, self._held_back = bytes(self._held_back), bytearray()
        if not data or self.transport.is_closing():
            return
        self.data_received(data)
        if not self._held_back and not self.recv_messages.paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _hear(self, piece: bytes) -> None:
        if self.request is None:
            self._handshake_bytes += len(piece)
            self.gone_too_far |= self._handshake_bytes > self._limits.handshake_bytes
        if not self.gone_too_far:
            super().data_received(piece)
            self.gone_too_far |= self.transport.get_write_buffer_size() > self._limits.unread_bytes

    def process_event(self, event: Any) -> None:
        """Count it, then handle it as usual."""
        if self.request is None:
            self._room.leave(self._address, self)
        elif isinstance(event, Frame) and not self._admits(event):
            return
        super().process_event(event)

    def _admits(self, frame: Frame) -> bool:
        self._heard += 1
        if frame.opcode in _DATA:
            self._fragments = 0 if frame.fin else self._fragments + 1
        if self._frames.take() and self._fragments <= self._limits.fragments:
            return not self.gone_too_far
        if not self.gone_too_far:
            self.gone_too_far = True
            self.protocol.fail(_CLOSE_POLICY, "too many frames")
            self.send_data()
        return False


def guarded(
    limits: SocketLimits, room: WaitingRoom, handshakes: TlsHandshakes | None = None
) -> Callable[..., ServerConnection]:
    """What makes the sockets of a server, which speaks TLS where there are handshakes."""
    # the library reads these when it parses; it takes them from its own environment variables else
    websockets.http11.MAX_NUM_HEADERS = limits.headers

    def make(*arguments: Any, **options: Any) -> ServerConnection:
        return GuardedSocket(*arguments, limits=limits, room=room, handshakes=handshakes, **options)

    return make
