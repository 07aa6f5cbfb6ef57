"""What goes up in one recognition session, and when: packets, silence to stay alive, the last packet. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from backend.ports import BYTES_PER_MS, SAMPLE_BYTES

KEEPALIVE_MS: Final = 100
_JUMPS_KEPT: Final = 256  # one for each pause; nobody asks about times before the last 256


@dataclass(frozen=True, slots=True)
class Packet:
    """One audio message."""

    pcm: bytes
    is_last: bool = False


class AudioClock:
    """Turns the service's audio time, which counts our silence and misses what we dropped, into the caller's."""

    def __init__(self) -> None:
        self._sent = 0
        self._jumps: deque[tuple[int, int]] = deque([(0, 0)], maxlen=_JUMPS_KEPT)  # (from this byte on, add this)

    @property
    def sent_ms(self) -> int:
        """How much the service has been given, on its own clock."""
        return self._sent // BYTES_PER_MS

    def sent(self, size: int) -> None:
        """This much of the caller's audio went up."""
        self._sent += size

    def inserted(self, size: int) -> None:
        """This much went up that the caller never sent."""
        self._sent += size
        self._jump(-size, since=self._sent - size)

    def dropped(self, size: int) -> None:
        """This much of the caller's audio never went up."""
        self._jump(size, since=self._sent)

    def caller_ms(self, service_ms: int) -> int:
        """The moment on the caller's clock; all of an inserted silence is the moment at which it was inserted."""
        at = service_ms * BYTES_PER_MS
        latest = None
        for start, offset in reversed(self._jumps):
            if start <= at:
                return max(0, at + offset if latest is None else min(at + offset, latest)) // BYTES_PER_MS
            latest = start + offset
        return max(0, at + self._jumps[0][1]) // BYTES_PER_MS

    def _jump(self, by: int, since: int) -> None:
        start, offset = self._jumps[-1]
        if start == since and len(self._jumps) > 1:
            self._jumps.pop()
        self._jumps.append((self._sent, offset + by))


class Uplink:
    """Cuts the caller's audio into packets. It is told the time, in seconds, and says when it wants to be asked again.

    Audio waits for at most one packet's length to fill a packet. When more waits than the backlog allows, because the
    connection is slow, the oldest is dropped: the newest words are the ones that the turn hangs on.
    """

    def __init__(self, *, packet_ms: int, keepalive_s: float, backlog_ms: int, now: float) -> None:
        self.clock = AudioClock()
        self.dropped_bytes = 0
        self._packet_bytes = packet_ms * BYTES_PER_MS
        self._packet_s = packet_ms / 1000
        self._keepalive_s = keepalive_s
        self._backlog_bytes = backlog_ms * BYTES_PER_MS
        self._waiting = bytearray()
        self._waiting_since = now
        self._last_sent = now
        self._finishing = False
        self._finished = False

    @property
    def deadline(self) -> float | None:
        """When `take` will have something without anyone calling; None when it never will."""
        if self._finished:
            return None
        if self._waiting:
            return self._waiting_since + self._packet_s
        return self._last_sent + self._keepalive_s

    def put(self, pcm: bytes, now: float) -> None:
        """Take audio from the caller; nothing after `finish`."""
        if self._finishing:
            return
        if not self._waiting:
            self._waiting_since = now
        self._waiting += pcm
        excess = len(self._waiting) - self._backlog_bytes
        if excess > 0:
            del self._waiting[:excess]
            self.clock.dropped(excess)
            self.dropped_bytes += excess

    def finish(self) -> None:
        """No more audio comes: the next packets hold what still waits, and the last one is marked as the last."""
        self._finishing = True

    def take(self, now: float) -> Packet | None:
        """The next packet that is due, if one is."""
        if self._finished:
            return None
        if len(self._waiting) >= self._packet_bytes or self._finishing:
            return self._cut(now)
        if self._waiting and now >= self._waiting_since + self._packet_s:
            return self._cut(now)
        if not self._waiting and now >= self._last_sent + self._keepalive_s:
            return self._silence(now)
        return None

    def _cut(self, now: float) -> Packet:
        pcm = bytes(self._waiting[: self._packet_bytes])
        del self._waiting[: self._packet_bytes]
        self.clock.sent(len(pcm))
        self._waiting_since = self._last_sent = now
        self._finished = self._finishing and not self._waiting
        return Packet(pcm, self._finished)

    def _silence(self, now: float) -> Packet:
        pcm = bytes(KEEPALIVE_MS * BYTES_PER_MS)
        self.clock.inserted(len(pcm))
        self._last_sent = now
        return Packet(pcm)


assert BYTES_PER_MS % SAMPLE_BYTES == 0  # noqa: S101 - a packet of whole milliseconds has whole samples
