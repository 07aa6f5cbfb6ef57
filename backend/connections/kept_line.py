"""A line that outlives its connection: when that is cut, the call waits for its client, who comes back on another.

Source: README, "Wire protocol", section 5, "Resuming after a cut".
"""

import asyncio
import logging
import secrets
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from backend.call.journal import Journal
from backend.call.moves import LineBack, LineCut
from backend.connections.line import CLOSE_POLICY, Line
from backend.errors import BAD_SESSION
from backend.protocol import frames
from backend.protocol.events import BOT_ERROR, BOT_READY, SENTENCE_RECOGNIZED
from backend.protocol.frames import EventFrame, Framing
from backend.protocol.position import Bookmark, Position

log = logging.getLogger(__name__)

INBOUND: Final = 64
"""Messages that may wait for the call; a client that sends more than it can handle is read more slowly."""
INBOUND_BYTES: Final = 256 * 1024
"""Likewise, of their bytes; one message may wait however large it is."""
_NAME_BYTES: Final = 12
"""How long a call's name is: enough that nobody guesses it, few enough for an address."""
_BEGINNING: Final = Position()


class Connection(Line, Protocol):
    """A line that is one connection."""

    @property
    def was_cut(self) -> bool:
        """Whether a connection that has ended broke, and nobody said goodbye."""


@dataclass(frozen=True, slots=True)
class ResumeLimits:
    """For how long a cut call waits, and how much it keeps.

    Attributes:
        seconds: 0 for a server that lets go of a call with its connection.
        max_bytes: of frames, for each call.
    """

    seconds: float = 30.0
    max_bytes: int = 1024 * 1024


class KeptLine:
    """A `Line` over one connection after another.

    Whoever holds a connection runs `carry` for as long as that lasts.

    Attributes:
        sid: of the conversation.
        call: a name that no other call has, of this conversation or any; its client is told, and nobody else.
        is_only_one: no client can mean another call of the conversation, and so need not name this one.
    """

    def __init__(self, connection: Connection, framing: Framing, limits: ResumeLimits) -> None:
        self.sid = ""
        self.call = secrets.token_urlsafe(_NAME_BYTES)
        self.is_only_one = False
        self._framing = framing
        self._limits = limits
        self._journal = Journal(limits.max_bytes)
        self._connection: Connection | None = connection
        self._ready: bytes | None = None
        self._numbered = False
        self._inbound: deque[bytes | str | LineCut | LineBack] = deque()
        self._inbound_bytes = 0
        self._bell = asyncio.Event()
        self._last_chance = False
        self._over = False

    @property
    def position(self) -> Position:
        """The position of the newest frame of the call."""
        return self._journal.last

    # --- Line

    async def messages(self) -> AsyncIterator[bytes | str | LineCut | LineBack]:
        """See `Line`; and between them, that the connection was cut, and that there is another."""
        while True:
            await self._until(lambda: bool(self._inbound) or self._over)
            if not self._inbound:
                return
            message = self._inbound.popleft()
            yield message
            self._inbound_bytes -= _size(message)
            self._ring()

    async def send(self, data: bytes) -> None:
        """See `Line`. While nobody is there frames are kept; sound waits once the journal is full."""
        event = frames.event_in(data, self._framing)
        self._numbered = frames.is_numbered(data)
        if event == BOT_READY:
            await self._welcome(data)
            return
        if event is None:
            await self._until(lambda: self._over or self._journal.has_room(len(data)))
        if self._over:
            return
        position = self._journal.add(data, begins_turn=event == SENTENCE_RECOGNIZED)
        self._ring()
        await self._until(lambda: self._over or self._connection is None or self._journal.sent >= position)

    async def close(self, code: int, reason: str) -> None:
        """See `Line`: once everything has been sent, if anybody is there."""
        await self._until(lambda: self._over or self._connection is None or not self._has_work())
        self.end()
        if self._connection is not None:
            await self._connection.close(code, reason)

    def hurry(self) -> None:
        """See `Line`."""
        if self._connection is not None:
            self._connection.hurry()

    # --- connections

    async def carry(self, connection: Connection) -> None:
        """Send and take what there is, until the connection ends; and wait for the next one, if it was cut."""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_to(connection))
            await self._take_from(connection)
            sending.cancel()
        if self._is_over(connection):
            return
        self._connection = None
        if connection.was_cut:
            await self._wait_for_another()
        else:
            self.end()

    def stands(self, at: Position = _BEGINNING, refused: str = "") -> dict[str, Any]:
        """What BotReady says about resuming.

        Args:
            at: the call goes on after this frame; a new call is at 0:0.
            refused: why it is a new call, where another was asked for.
        """
        told: dict[str, Any] = {"turn": at.turn, "frame": at.frame, "seconds": self._limits.seconds, "call": self.call}
        return {**told, "refused": refused} if refused else told

    def waits_for(self, bookmark: Bookmark) -> bool:
        """Whether it was in this call that the client left off, and the call has not ended."""
        return not self._over and (bookmark.is_in(self.call) or (self.is_only_one and not bookmark.call))

    def can_resume(self, bookmark: Bookmark) -> bool:
        """Whether a client that left off there can go on with the next frame."""
        return self.waits_for(bookmark) and not self._last_chance and self._journal.can_follow(bookmark.position)

    async def resume(self, connection: Connection, position: Position) -> None:
        """Go on over this connection, with the frame after this one; returns when it is over, as `carry` does."""
        older, self._connection = self._connection, connection
        self._journal.go_back_to(position)
        self._ready = self._welcome_back(position)
        self._inbound.append(LineBack())
        self._ring()
        log.info("call.resumed", extra={"session": self.sid, "at": str(position), "behind": str(self._journal.last)})
        async with asyncio.TaskGroup() as tasks:
            if older is not None:
                tasks.create_task(self._dismiss(older))
            await self.carry(connection)

    def wait_no_longer(self) -> None:
        """The server is about to stop: who is cut off from now on has to call another."""
        self._last_chance = True
        self._ring()

    def end(self) -> None:
        """The call is over, or shall be: its messages end."""
        self._over = True
        self._ring()

    # --- parts

    async def _welcome(self, ready: bytes) -> None:
        """BotReady belongs to the connection, not to the call, and is not counted."""
        self._ready = ready
        self._ring()
        await self._until(lambda: self._over or self._connection is None or self._ready is None)

    def _welcome_back(self, position: Position) -> bytes:
        payload = {"session": self.sid, "resume": self.stands(position)}
        return frames.encode(EventFrame(BOT_READY, payload, 0 if self._numbered else None), self._framing)

    def _has_work(self) -> bool:
        return self._ready is not None or self._journal.next is not None

    async def _take_from(self, connection: Connection) -> None:
        async for message in connection.messages():
            size = _size(message)
            await self._until(lambda: self._is_over(connection) or self._has_room_for(size))  # noqa: B023
            if self._is_over(connection):
                return
            self._inbound.append(message)
            self._inbound_bytes += size
            self._ring()

    def _has_room_for(self, size: int) -> bool:
        fits = not self._inbound_bytes or self._inbound_bytes + size <= INBOUND_BYTES
        return fits and len(self._inbound) < INBOUND

    async def _send_to(self, connection: Connection) -> None:
        """Each connection has a sender of its own: one that is stuck must not hold up the next."""
        while not self._is_over(connection):
            await self._until(lambda: self._is_over(connection) or self._has_work())
            if not self._is_over(connection):
                await self._send_next(connection)

    async def _send_next(self, connection: Connection) -> None:
        if (ready := self._ready) is not None:
            await connection.send(ready)
            if self._ready is ready and self._connection is connection:
                self._ready = None
        elif (entry := self._journal.next) is not None:
            await connection.send(entry.data)
            if self._connection is connection and self._journal.next is entry:
                self._journal.pass_on()
        self._ring()

    async def _wait_for_another(self) -> None:
        self._inbound.append(LineCut())
        self._ring()
        log.info("call.cut", extra={"session": self.sid, "at": str(self._journal.sent)})
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._until(lambda: self._over or self._last_chance or self._connection is not None)
        except TimeoutError:
            log.info("call.lapsed", extra={"session": self.sid})
        if self._connection is None:
            self.end()

    async def _dismiss(self, older: Connection) -> None:
        """Tell it who has the call now; it may well be dead, so this is not waited for."""
        error = {"code": BAD_SESSION, "message": "a newer connection has taken up this conversation"}
        data = frames.encode(EventFrame(BOT_ERROR, {"error": error}, 0 if self._numbered else None), self._framing)
        await older.send(data)
        await older.close(CLOSE_POLICY, BAD_SESSION)

    def _is_over(self, connection: Connection) -> bool:
        return self._over or self._connection is not connection

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._bell.wait()

    def _ring(self) -> None:
        """Wake all who wait for a change of the line, so that they look whether it is theirs."""
        self._bell.set()
        self._bell.clear()


def _size(message: bytes | str | LineCut | LineBack) -> int:
    return sys.getsizeof(message) if isinstance(message, bytes | str) else 0
