"""A caller's socket with the bounds that the WebSocket library leaves open."""

import socket
from asyncio import TimerHandle
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
from backend.connections.rounds import Rounds
from backend.connections.tls_handshakes import TlsHandshakes
from backend.weighed_frames import WeighedFrames
from backend.whole_messages import WholeMessages

_LEAST_SLICE: Final = 256
_MOST_SLICE: Final = 4096
"""What is read at once is taken in such pieces, so that a socket which has gone too far is not heard to the end; in
smaller ones at first, and while each holds many frames: a kilobyte may be 170 of them."""
_FEW_FRAMES: Final = 4
_FRAMES_AT_ONCE: Final = 8
_BYTES_AT_ONCE: Final = 64 * 1024
"""After so many of either the other sockets have their turn."""
_WAITING_BYTES_EACH: Final = 64 * 1024
"""A message that waits for its call counts as one for each of these."""
_ON_THE_WAY_BYTES: Final = 128 * 1024
"""That the system may hold of what a client has not taken: minutes of sound else, so that nobody notices."""
_AFTER_THE_END_S: Final = 0.05
_GONE_S: Final = 2.0
"""Who has been hung up on for what it sent has so long to notice; until then little of what still comes is read."""
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
        rounds: Rounds,
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
        self._rounds = rounds
        self._held_back = bytearray()
        self._waiting = WeighedFrames(_WAITING_BYTES_EACH)
        self._heard = 0
        self._slice = _LEAST_SLICE
        self._waits = False
        self._is_stuck = False
        self._seeing_off: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The socket waits until it has said what it wants, and before that until it is secure, where it has to be."""
        if self._handshakes is None:
            self._connected(transport)
        else:
            self._handshakes.begin(transport, self, self._connected)

    def _connected(self, transport: Any) -> None:
        super().connection_made(transport)
        self.recv_messages.frames = self._waiting
        self.recv_messages.resume = self._may_be_read
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ON_THE_WAY_BYTES)
        self._address = Addresses().client(peer_of(transport.get_extra_info("peername")), [])
        self._room.enter(self._address, self, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket waits no longer."""
        self._room.leave(self._address, self)
        if self._seeing_off is not None:
            self._seeing_off.cancel()
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """Nobody reads on. What is left may be a megabyte, and what knows itself waits for the collector, which holds
        everybody up: hundreds of handshakes may be refused in a second."""
        self.recv_messages.pause = self.recv_messages.resume = _nothing  # ours knows this socket
        vars(self.protocol).pop("select_subprotocol", None)  # the library's knows the protocol
        self._held_back.clear()
        self._waiting.drop_unfinished()
        self.protocol.reader.discard()

    def data_received(self, data: bytes) -> None:
        """Take it piece by piece, as long as the socket keeps within its bounds, and give the others their turn."""
        if not self._waits and len(data) <= self._slice:  # most often: a frame of sound, whole
            self._heard = 0
            self._hear_out(data)
            return
        self._held_back += data
        if not self._waits:
            self._take_turn()

    def eof_received(self) -> None:
        """What was held back came before the end."""
        while self._held_back and not (self.gone_too_far or self.transport.is_closing()):
            self._take_turn()
        super().eof_received()

    def _take_turn(self) -> int:
        """Hear some of what has come; says how much that was, in frames or as much as one of many bytes."""
        self._heard = at = 0
        while at < len(self._held_back) and at < _BYTES_AT_ONCE and self._heard < _FRAMES_AT_ONCE:
            piece = bytes(self._held_back[at : at + self._slice])
            at += len(piece)
            if not self._hear_out(piece):
                self._held_back.clear()
                return self._heard
        del self._held_back[:at]
        if self._held_back or at >= _BYTES_AT_ONCE:
            self._wait_for_turn()
        return self._heard + at // _MOST_SLICE

    def _hear_out(self, piece: bytes) -> bool:
        """Hear one piece; whether the socket is heard any further.

        The next one may be larger where there are few frames in this, and is small where there are many.
        """
        before = self._heard
        self._hear(piece)
        if self.gone_too_far or self.transport.is_closing():
            self.transport.abort()
            return False
        frames = self._heard - before
        if frames > _FRAMES_AT_ONCE:
            self._slice = _LEAST_SLICE
        elif frames <= _FEW_FRAMES and self._slice < _MOST_SLICE:
            self._slice *= 2
        return True

    def _wait_for_turn(self) -> None:
        if not self._waits:
            self._waits = True
            self.transport.pause_reading()  # else more comes than is heard, and is held back too
        if self._seeing_off is not None:
            self.loop.call_later(_AFTER_THE_END_S, self._go_on)
        else:
            self._rounds.wait(self._go_on)

    def _go_on(self) -> int:
        if self.transport.is_closing():
            return 0
        if self.recv_messages.paused:  # its call is behind
            self._is_stuck = True
            return 0
        self._waits = False
        heard = self._take_turn()
        if not (self._waits or self.recv_messages.paused or self.transport.is_closing()):
            self.transport.resume_reading()
        return heard

    def _may_be_read(self) -> None:
        """Its call has caught up."""
        if self._is_stuck:
            self._is_stuck = False
            self._rounds.wait(self._go_on)
        elif not self._waits:
            self.transport.resume_reading()

    def _hear(self, piece: bytes) -> None:
        if self.request is None:
            self._handshake_bytes += len(piece)
            self.gone_too_far |= self._handshake_bytes > self._limits.handshake_bytes
        if not self.gone_too_far:
            super().data_received(piece)
            self.gone_too_far |= self.transport.get_write_buffer_size() > self._limits.unread_bytes
        if self._seeing_off is None and self.protocol.close_expected():
            self._seeing_off = self.loop.call_later(_GONE_S, self._see_off)

    def _see_off(self) -> None:
        if not self.transport.is_closing():  # uvloop's says so by an error else
            self.transport.abort()

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


def _nothing() -> None:
    """A socket that is gone is neither paused nor resumed."""


def guarded(
    limits: SocketLimits, room: WaitingRoom, handshakes: TlsHandshakes | None = None
) -> Callable[..., ServerConnection]:
    """What makes the sockets of a server, which speaks TLS where there are handshakes."""
    rounds = Rounds()
    # the library reads these when it parses; it takes them from its own environment variables else
    websockets.http11.MAX_NUM_HEADERS = limits.headers

    def make(*arguments: Any, **options: Any) -> ServerConnection:
        return GuardedSocket(*arguments, limits=limits, room=room, handshakes=handshakes, rounds=rounds, **options)

    return make
