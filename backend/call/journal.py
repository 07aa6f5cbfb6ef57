"""The frames of a call that its client may have missed, within a bound. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from backend.protocol.position import Position

ENTRY_BYTES: Final = 128
"""What a frame costs beside its bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One frame, laid out, and its place among all frames of the call."""

    position: Position
    data: bytes

    @property
    def cost(self) -> int:
        """In bytes of memory."""
        return len(self.data) + ENTRY_BYTES


class Journal:
    """A ring of frames in their order: those that have been sent, then those that have not.

    Args:
        max_bytes: of all of them. Half of it is for those that have been sent: they are forgotten for newer ones, the
            oldest first, but only down to that half.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._sent: deque[Entry] = deque()
        self._waiting: deque[Entry] = deque()
        self._sent_bytes = 0
        self._waiting_bytes = 0
        self._last = Position()
        self._forgotten = Position()

    @property
    def bytes_held(self) -> int:
        """What all of it costs."""
        return self._sent_bytes + self._waiting_bytes

    @property
    def next(self) -> Entry | None:
        """The next frame to send."""
        return self._waiting[0] if self._waiting else None

    @property
    def last(self) -> Position:
        """Of the newest frame."""
        return self._last

    @property
    def sent(self) -> Position:
        """Of the last frame that was sent."""
        return self._sent[-1].position if self._sent else self._forgotten

    def has_room(self, payload_bytes: int) -> bool:
        """Whether a frame of this size can be taken without forgetting what may still be asked for.

        One frame is taken whatever its size, so that none is too large for ever.
        """
        least = min(self._sent_bytes, self._max_bytes // 2)
        return not self._waiting or least + self._waiting_bytes + payload_bytes + ENTRY_BYTES <= self._max_bytes

    def add(self, data: bytes, *, begins_turn: bool = False) -> Position:
        """Take the next frame of the call; its position."""
        self._last = self._last.following(begins_turn=begins_turn)
        entry = Entry(self._last, data)
        self._waiting.append(entry)
        self._waiting_bytes += entry.cost
        self._forget()
        return self._last

    def pass_on(self) -> None:
        """The next frame has been sent."""
        entry = self._waiting.popleft()
        self._sent.append(entry)
        self._sent_bytes += entry.cost
        self._waiting_bytes -= entry.cost
        self._forget()

    def can_follow(self, position: Position) -> bool:
        """Whether every frame after this one is still held."""
        known = {self._forgotten, self._last} | {entry.position for entry in (*self._sent, *self._waiting)}
        return position in known

    def go_back_to(self, position: Position) -> None:
        """Everything after this frame waits to be sent, once more if it has been sent before."""
        while self._sent and self._sent[-1].position > position:
            self._move_back()
        while self._waiting and self._waiting[0].position <= position:
            self.pass_on()

    def _move_back(self) -> None:
        entry = self._sent.pop()
        self._sent_bytes -= entry.cost
        self._waiting.appendleft(entry)
        self._waiting_bytes += entry.cost

    def _forget(self) -> None:
        while self._sent and self.bytes_held > self._max_bytes and self._sent_bytes > self._max_bytes // 2:
            entry = self._sent.popleft()
            self._sent_bytes -= entry.cost
            self._forgotten = entry.position
