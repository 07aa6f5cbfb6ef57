"""Background work that outlives the block which began it, and still has an owner."""

import asyncio
import logging
from collections.abc import Coroutine

from backend.ended_tasks import forget_its_cancellation

log = logging.getLogger(__name__)


class Chores:
    """Short tasks of an adapter: closing a socket, waiting for a cancelled session. Each bounds its own time."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run it beside everything else; nobody needs to wait for the task that is returned."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Ask all of it to end."""
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Wait until all is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        forget_its_cancellation(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("chore.crashed", exc_info=error)
