"""How long a reply may take: its services while they work, and everything, the hearing included."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final

from backend.deadline import Deadline


class WorkTime:
    """Ends a block with `TimeoutError`, like `asyncio.timeout`, but stands still while the services wait themselves.

    A reply is sent at the pace of the ear, and made a good deal faster. What is made waits, and when that is much its
    makers wait too: a long story is no slow service.

    Args:
        work_s: that the services may take.
        whole_s: that the block may take.
    """

    def __init__(self, work_s: float, whole_s: float) -> None:
        self._clock: Final = asyncio.get_running_loop().time
        self._work_until = self._clock() + work_s
        self._over_at = self._clock() + whole_s
        self._deadline = Deadline(min(self._work_until, self._over_at))

    def __enter__(self) -> None:
        """Begin the block."""
        self._deadline.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it, and there is no other."""
        self._deadline.drop()
        self._deadline.__exit__(kind, error, traceback)

    @property
    def whole_is_over(self) -> bool:
        """Whether it was not the services' time that ran out."""
        return self._clock() >= self._over_at

    async def stand_still(self, hearing: Awaitable[None]) -> None:
        """Wait for what is not for the services to do."""
        began = self._clock()
        self._end_at(self._over_at)
        try:
            await hearing
        finally:
            self._work_until += self._clock() - began
            self._end_at(self._work_until)

    def done(self) -> None:
        """The services have done their work; what is left is to be heard."""
        self._end_at(self._over_at)

    def _end_at(self, at: float) -> None:
        self._deadline.move(min(at, self._over_at))
