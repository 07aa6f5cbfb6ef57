"""An event loop whose clock jumps to the next timer when nothing else is to do: hours pass in a moment.

Only for work that stays in the process: a socket would never get its time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StandstillError(RuntimeError):
    """Nothing can ever happen again: every task waits for another."""


class _Selector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            waiting = [str(task.get_stack()[-1:] or task) for task in asyncio.all_tasks(self.loop)]
            raise StandstillError(f"every task waits for another: {'; '.join(waiting)}")
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is what `now` says, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end on a clock of its own.

    Raises:
        StandstillError: it waits for ever.
        AssertionError: it leaves tasks behind.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def watched() -> T:
            result = await main
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks are left: {left}"
            return result

        return runner.run(watched())
