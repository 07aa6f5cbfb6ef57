"""Connections that have asked for nothing yet: so many may wait, and an address that floods loses its own."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class WaitingRoom:
    """Bounds the sockets that are open without being of use.

    Who floods it holds the most places, and gives up the oldest of them for whoever comes next: a caller, who is in and
    out within milliseconds, is not kept out by ten thousand that say nothing.

    Args:
        most: that may wait at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._waiting: dict[str, OrderedDict[Hashable, Callable[[], None]]] = {}
        self.turned_out = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, address: str, who: Hashable, turn_out: Callable[[], None]) -> None:
        """One more waits; `turn_out` ends its connection."""
        self._waiting.setdefault(address, OrderedDict())[who] = turn_out
        self._count += 1
        if self._count > self._most:
            self._make_room()

    def leave(self, address: str, who: Hashable) -> None:
        """It waits no longer; nothing happens if it did not."""
        mine = self._waiting.get(address)
        if mine is None or mine.pop(who, None) is None:
            return
        self._count -= 1
        if not mine:
            del self._waiting[address]

    def _make_room(self) -> None:
        busiest = max(self._waiting, key=lambda address: len(self._waiting[address]))
        oldest, turn_out = next(iter(self._waiting[busiest].items()))
        self.leave(busiest, oldest)
        self.turned_out += 1
        turn_out()
