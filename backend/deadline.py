"""A deadline that is moved all the time, as those of an exchange with a service are: with every message."""

import asyncio
from types import TracebackType


class Deadline:
    """Ends a block with `TimeoutError`, as `asyncio.timeout_at` does; one block after another, by one task at a time.

    To move it back, and to enter and leave a block, sets no timer: the one that was set rings at its time, and looks
    then where the deadline is by now.

    Attributes:
        passed: it has ended the block that was entered last.

    Args:
        at: in seconds of the event loop's clock; None for never.
    """

    def __init__(self, at: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = at
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.passed = False

    @property
    def at(self) -> float | None:
        """When it is."""
        return self._at

    def move(self, at: float | None) -> None:
        """Have it then, or never; a block that it has ended stays ended."""
        self._at = at
        if self._task is not None:
            self._see_to_it()

    def drop(self) -> None:
        """No other block will be entered: let go of the timer, which may be long."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        """Begin a block.

        Raises:
            RuntimeError: outside of a task, or within another block.
        """
        if self._task is not None or (task := asyncio.current_task()) is None:
            raise RuntimeError("a deadline is for one task at a time")
        self._task, self._cancelling, self.passed = task, task.cancelling(), False
        self._see_to_it()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        task, self._task = self._task, None
        if self.passed and task is not None:
            only_ours = task.uncancel() <= self._cancelling
            if only_ours and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _see_to_it(self) -> None:
        """Have a timer that rings in time."""
        if self._at is None or (self._timer is not None and self._rings_at <= self._at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self._at
        self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None or self._at is None or self.passed:
            return
        if self._loop.time() < self._at:
            self._see_to_it()
            return
        self.passed = True
        self._task.cancel()
