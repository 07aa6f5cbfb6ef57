"""How many connections somebody will need soon. Pure: each is told the time, and says when it changes by itself."""

from collections import deque
from typing import Final, Protocol

LEAST: Final = 2
"""Wanted for requests at any time: whoever drops one and sends the next in the same moment finds the other line."""
PER_USERS: Final = 4
"""For so many requests under way one more is wanted."""
LATER_S: Final = 2.0
"""After a request that ended in order: until then somebody may wait for the sound of its answer."""
AT_LAST_S: Final = 30.0
"""What requests took is replaced after this time also where there is always one under way."""
_NEVER: Final = float("inf")


class Demand(Protocol):
    """What a reserve asks."""

    def wanted(self, now: float) -> int:
        """How many lines there should be."""

    def next_change(self, now: float) -> float:
        """When to look again although nothing happens; infinity for never."""


class Requests:
    """Some for all users together, as long as anyone has been there lately.

    Args:
        kept_s: how long after the last sign of anyone.
    """

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._users = 0
        self._needed_until = self._looks_again = self._looks_at_last = -_NEVER

    def expect(self, now: float) -> None:
        """Somebody is about to come."""
        self._needed_until = now + self._kept_s

    def begin(self, now: float) -> None:
        """A request is under way; a handshake now would be in its way."""
        self._users += 1
        if self._looks_again > now:
            self._looks_again = self._looks_at_last

    def end(self, now: float, *, in_order: bool) -> None:
        """It is over; where that was in order, what it took is replaced when nobody waits for an answer."""
        self._users -= 1
        self.expect(now)
        if not in_order:
            return
        if self._looks_at_last <= now:
            self._looks_at_last = now + AT_LAST_S
        self._looks_again = self._looks_at_last if self._users else min(now + LATER_S, self._looks_at_last)

    def wanted(self, now: float) -> int:
        """See `Demand`."""
        return LEAST + self._users // PER_USERS if now < self._needed_until else 0

    def next_change(self, now: float) -> float:
        """See `Demand`."""
        return min((at for at in (self._needed_until, self._looks_again) if at > now), default=_NEVER)


class Announced:
    """One for each session that was announced and has not come.

    Args:
        most: sessions that are remembered; the oldest is forgotten first.
        kept_s: a session that does not come within this time is expected no longer.
    """

    def __init__(self, most: int, kept_s: float) -> None:
        self._kept_s = kept_s
        self._until: deque[float] = deque(maxlen=most)

    def announce(self, now: float) -> None:
        """One more will come."""
        self._until.append(now + self._kept_s)

    def come(self) -> None:
        """One has come, announced or not."""
        if self._until:
            self._until.popleft()

    def wanted(self, now: float) -> int:
        """See `Demand`."""
        while self._until and self._until[0] <= now:
            self._until.popleft()
        return len(self._until)

    def next_change(self, now: float) -> float:
        """See `Demand`."""
        return next((at for at in self._until if at > now), _NEVER)
