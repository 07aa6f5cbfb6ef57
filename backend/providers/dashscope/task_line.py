"""The task that speaks a reply, and the new one that replaces it when it has waited too long for words."""

from collections.abc import Callable

from backend.providers.dashscope.tasks import Task, Tasks, unheard
from backend.providers.dashscope.wire import Event, Run


class TaskLine:
    """One task after another of the same kind.

    Attributes:
        task: begun, so that the first words find it; its connection is the pool's again when the reply is over.
    """

    def __init__(self, task: Task, tasks: Tasks, run: Run) -> None:
        self.task = task
        self._tasks = tasks
        self._run = run

    async def begin(self) -> None:
        """Another one on the same connection, after the last has finished."""
        await self.task.start(self._run)

    async def renew(self, still: Callable[[], bool]) -> None:
        """Replace the task, to which nothing was said yet, by a new one; its connection may be dead by now.

        Args:
            still: asked when the new one has begun: whether it is still wanted. If not, the old one stays.

        Raises:
            ProviderError: no task can be begun.
        """
        young = await self._tasks.begin(self._run)
        if not still():
            self._tasks.leave(young, cancel=True)
            return
        old, self.task = self.task, young
        young.overheard, old.overheard = old.overheard, unheard
        self._tasks.leave(old, cancel=True)

    def overhear(self, take: Callable[[Event], None]) -> None:
        """Have this told the events that come after the reply is over, which say what it cost."""
        self.task.overheard = take

    def leave(self) -> None:
        """The reply is over, finished or not."""
        self._tasks.leave(self.task, cancel=True)
