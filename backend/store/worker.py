"""A thread that does one thing after another, for work that would hold the event loop up."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """The thread begins with the first job. It is a daemon: a disk that hangs keeps no process from ending.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises, in its turn. Whoever stops waiting for it does not stop it once it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=_run, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, done))
        return await done

    def end(self) -> None:
        """No further job; the thread ends after those that are there."""
        self._thread = None
        self._jobs.put(None)
        self._jobs = SimpleQueue()


class _Job:
    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Any]") -> None:
        self._work, self._loop, self._done = work, loop, done

    def do(self) -> None:
        if self._done.cancelled():
            return
        try:
            result, error = self._work(), None
        except Exception as exc:
            result, error = None, exc
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._tell, result, error)

    def _tell(self, result: Any, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(result)
        else:
            self._done.set_exception(error)


def _run(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.do()
        del job  # nothing of it is kept until the next one
