"""What waits for a database: in its order, bounded, and never lost to a try that failed."""

from collections import deque
from collections.abc import Callable, Iterator

from backend.store.records import Record


class Backlog:
    """Records that wait, and those that are being written just now.

    Args:
        most: that wait; the oldest is dropped for the newest.
        batch: in one transaction.
        tries: of a record by itself, before it is given up.

    Attributes:
        dropped: since someone last looked after that.
        may_be_written: whether some have been, perhaps, by a try that seemed to fail.
        refusals: of the record that stands first.
    """

    def __init__(self, most: int, batch: int, tries: int) -> None:
        self._most, self._batch, self._tries = most, batch, tries
        self._waiting: deque[Record] = deque()
        self._taken: list[Record] = []
        self._one_by_one = 0  # so many are tried each by itself: the database refused one of them
        self.dropped = 0
        self.may_be_written = False
        self.refusals = 0

    def __len__(self) -> int:
        return len(self._taken) + len(self._waiting)

    def __iter__(self) -> Iterator[Record]:
        """All of them, the oldest first."""
        yield from self._taken
        yield from self._waiting

    def add(self, record: Record) -> None:
        """Behind all others."""
        while len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.dropped += 1
            self.refusals = 0
        self._waiting.append(record)

    def take(self) -> list[Record]:
        """Those that are to be written next, together."""
        many = 1 if self._one_by_one else self._batch
        while self._waiting and len(self._taken) < many:
            self._taken.append(self._waiting.popleft())
        return self._taken

    def written(self) -> None:
        """Those that were taken are in the database."""
        self._taken, self.refusals = [], 0
        self._one_by_one = max(0, self._one_by_one - 1)
        if not self._waiting:
            self.may_be_written = False

    def put_back(self) -> None:
        """They are not, or nobody knows: they stand before all others again."""
        self._waiting.extendleft(reversed(self._taken))
        self._taken, self.may_be_written = [], True

    def refused(self) -> Record | None:
        """It will not have one of those that were taken: each is tried by itself. The one that is given up, if any."""
        self._one_by_one = max(self._one_by_one, len(self._taken))
        self.refusals += 1
        self.put_back()
        if self.refusals <= self._tries:
            return None
        given_up = self._waiting.popleft()
        self.written()
        return given_up

    def remove(self, unwanted: Callable[[Record], bool]) -> list[Record]:
        """Let go of these."""
        gone = [record for record in self if unwanted(record)]
        self._taken = [record for record in self._taken if not unwanted(record)]
        self._waiting = deque(record for record in self._waiting if not unwanted(record))
        return gone
