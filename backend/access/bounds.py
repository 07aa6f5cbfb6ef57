"""How often and how many at once: bounds of each address, in a memory that is bounded itself."""

import functools
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

ADDRESSES: Final = 10_000
"""So many are remembered; the one unheard for longest is forgotten."""


class Bucket:
    """Tries of one, which come back at a steady rate.

    Args:
        per_s: tries that come back in a second.
        burst: tries that a full bucket holds.
    """

    __slots__ = ("_at", "_burst", "_clock", "_left", "_per_s")

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._left = self._burst
        self._at = clock()

    def take(self) -> bool:
        """One try, if there is one left."""
        left = self._filled()
        has_one = left >= 1
        self._left = left - has_one
        return has_one

    def fine(self, tries: int) -> None:
        """Take so many at once, and into debt, but no deeper than a full bucket."""
        self._left = max(-self._burst, self._filled() - tries)

    def spent(self) -> bool:
        """Whether there is no try left; takes none."""
        self._left = self._filled()
        return self._left < 1

    def _filled(self) -> float:
        now = self._clock()
        came, self._at = (now - self._at) * self._per_s, now
        return min(self._burst, self._left + came)


class Rate:
    """A bucket for each address; see there."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._new = functools.partial(Bucket, per_s, burst, clock)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> bool:
        """One try, if there is one left."""
        return self._of(address).take()

    def fine(self, address: str, tries: int) -> None:
        """Take so many at once, and into debt."""
        self._of(address).fine(tries)

    def spent(self, address: str) -> bool:
        """Whether there is no try left; takes none."""
        bucket = self._buckets.get(address)
        return bucket is not None and bucket.spent()

    def _of(self, address: str) -> Bucket:
        bucket = self._buckets.pop(address, None) or self._new()
        self._buckets[address] = bucket
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket


class Crowd:
    """How many of each address are in; bounded by those who are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in: dict[str, int] = {}

    def is_full(self, address: str) -> bool:
        """Whether no further one may come in."""
        return self._in.get(address, 0) >= self._most

    def enter(self, address: str) -> None:
        """One comes in."""
        self._in[address] = self._in.get(address, 0) + 1

    def leave(self, address: str) -> None:
        """One goes."""
        left = self._in.get(address, 0) - 1
        if left > 0:
            self._in[address] = left
        else:
            self._in.pop(address, None)


class Place:
    """One of an address's."""

    def __init__(self, crowd: Crowd, address: str) -> None:
        self._crowd = crowd
        self._address = address
        self._is_left = False
        crowd.enter(address)

    def leave(self) -> None:
        """Once only, however often it is said."""
        if not self._is_left:
            self._is_left = True
            self._crowd.leave(self._address)
