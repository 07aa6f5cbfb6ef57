"""Tasks on kept connections: begun, left, and their connection made ready for the next."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from backend.errors import ProviderError, ProviderRefused, Stage
from backend.providers.chores import Chores
from backend.providers.dashscope import wire
from backend.providers.dashscope.config import SocketConfig
from backend.providers.dashscope.connection import RESOURCE, TaskConnection, connect
from backend.providers.dashscope.wire import Event, Run
from backend.providers.patience import Patience, bounded, note_answer, retried
from backend.providers.pool import Pool, PoolLimits

log = logging.getLogger(__name__)

RETURN_S: Final = 0.3
"""How long a new task waits for a connection whose last one is being settled: less than a handshake takes."""


class Task:
    """One task, and after it others on the same connection, until it is left.

    Attributes:
        connection: lent by the pool.
        is_running: between task-started and task-finished.
        is_finishing: finish-task was sent.
        overheard: is told the events that come after the task was left.
    """

    def __init__(self, stage: Stage, connection: TaskConnection, config: SocketConfig) -> None:
        self.connection = connection
        self.is_running = False
        self.is_finishing = False
        self.overheard: Callable[[Event], None] = unheard
        self._stage: Stage = stage
        self._config = config
        self._task_id = ""
        self._since = 0.0

    @property
    def age_s(self) -> float:
        """Since it began, or since the last one ended."""
        return asyncio.get_running_loop().time() - self._since

    async def start(self, run: Run) -> None:
        """Have the service begin; raises when it takes too long."""
        idled, self.connection.has_idled = self.connection.has_idled, False
        patience = Patience(self._stage)
        patience.expect("the start of a task", self._config.reuse_timeout_s if idled else self._config.start_timeout_s)
        try:
            self._task_id = await patience.wait(self.connection.start(run))
        except BaseException:
            self.connection.is_poisoned = True
            raise
        self.is_running, self.is_finishing = True, False
        self._since = asyncio.get_running_loop().time()

    async def hear(self, pcm: bytes) -> None:
        """Sound for a recognition."""
        await self.connection.send(pcm)

    async def say(self, text: str) -> None:
        """Text for a synthesis."""
        await self.connection.send(wire.continue_task(self._task_id, text))

    async def finish(self, *, cancel: bool = False) -> None:
        """finish-task, once."""
        if self.is_running and not self.is_finishing:
            self.is_finishing = True
            await self.connection.send(wire.finish_task(self._task_id, cancel=cancel))

    async def next(self) -> Event | bytes:
        """The next event or piece of sound; task-finished is the last."""
        message = await self.connection.next()
        if isinstance(message, Event) and message.name == wire.FINISHED:
            self.is_running = False
            self._since = asyncio.get_running_loop().time()
        return message

    async def settle(self, *, cancel: bool) -> None:
        """The task was left: have the service finish it, so that its connection can serve again."""
        if self.is_running and self.connection.is_usable:
            try:
                await self.finish(cancel=cancel)
            except ProviderError as error:
                log.info("task.gone", extra={"reason": str(error)})
            else:
                await self.connection.settle(self._config.settle_timeout_s, self.overheard)
        self.is_running = False


def unheard(_event: Event) -> None:
    """Drop the event."""


class Tasks:
    """Begins tasks of one stage on connections that outlive them and are shared by calls."""

    def __init__(self, stage: Stage, config: SocketConfig) -> None:
        self._stage: Stage = stage
        self._config = config
        self._chores = Chores()
        limits = PoolLimits(config.max_connections, config.acquire_timeout_s, config.idle_close_s, config.idle_renew_s)
        self._pool: Pool[TaskConnection] = Pool(stage, self._connect, limits, self._chores)
        self._coming: set[asyncio.Task[None]] = set()
        self._warming: asyncio.Task[None] | None = None

    async def warm(self) -> None:
        """Have a connection ready, unless one is; never raises ours."""
        if self._pool.has_idle(RESOURCE) or not self._pool.has_room:
            return
        if self._warming is None or self._warming.done():
            self._warming = self._chores.begin(self._warm())
        await asyncio.wait([self._warming])

    async def begin(self, run: Run) -> Task:
        """A running task. An idle connection that turns out to be dead is replaced in silence.

        Raises:
            ProviderError: after one more try, unless the service said no or took too long.
        """
        return await bounded(self._stage, "a task", self._config.opening_timeout_s, self._begin(run))

    async def _begin(self, run: Run) -> Task:
        if not self._pool.has_idle(RESOURCE) and self._is_one_coming:
            await self._wait_for_one()
        if self._pool.has_idle(RESOURCE):
            try:
                return await self._start(run, fresh=False)
            except ProviderRefused:
                raise
            except ProviderError as error:
                note_answer(error)
                log.info("task.stale_connection", extra={"stage": self._stage, "reason": str(error)})
        return await retried(lambda: self._start(run, fresh=True), self._config.retry_backoff_s)

    def leave(self, task: Task, *, cancel: bool) -> None:
        """Give the connection back as soon as the service has done with the task; nobody waits for that.

        Args:
            cancel: the service may drop what it has not done yet.
        """
        settling = self._chores.begin(self._settle(task, cancel=cancel))
        self._coming.add(settling)
        settling.add_done_callback(self._coming.discard)

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._warming is not None:
            self._warming.cancel()
        await self._chores.aclose()
        await self._pool.aclose()
        await self._chores.aclose()

    async def _start(self, run: Run, *, fresh: bool) -> Task:
        connection = await self._pool.take(RESOURCE, fresh=fresh)
        task = Task(self._stage, connection, self._config)
        try:
            await task.start(run)
        except BaseException:
            self._pool.give_back(connection)
            raise
        return task

    @property
    def _is_one_coming(self) -> bool:
        return bool(self._coming) or (self._warming is not None and not self._warming.done())

    async def _wait_for_one(self) -> None:
        """Where a connection is about to be free, that comes sooner than a handshake."""
        if self._warming is not None and not self._warming.done():
            await asyncio.wait([self._warming], timeout=self._config.reuse_timeout_s)
        else:
            await asyncio.wait(self._coming, timeout=RETURN_S, return_when=asyncio.FIRST_COMPLETED)

    async def _warm(self) -> None:
        try:
            self._pool.give_back(await self._pool.take(RESOURCE, fresh=True))
        except ProviderError as error:
            log.info("task.not_warm", extra={"stage": self._stage, "reason": str(error)})

    async def _settle(self, task: Task, *, cancel: bool) -> None:
        try:
            await task.settle(cancel=cancel)
        except asyncio.CancelledError:
            task.connection.is_poisoned = True
            raise
        finally:
            self._pool.give_back(task.connection)

    async def _connect(self, _: str) -> TaskConnection:
        return await connect(self._stage, self._config)
