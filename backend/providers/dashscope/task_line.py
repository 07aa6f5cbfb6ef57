"""The task that speaks a reply, and whoever takes its place when it has waited too long for something to say."""

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
        """Put a young one in its place, in which nothing was said; unless, once that has begun, it is `still` not so.

        The old one may be dead by now, and its connection with it.

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
        """Have this take what the service says when nobody reads any more."""
        self.task.overheard = take

    def leave(self) -> None:
        """The reply is over, finished or not."""
        self._tasks.leave(self.task, cancel=True)
