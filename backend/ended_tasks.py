"""What has ended is freed at once, and does not wait for the collector, which holds every call up."""

import asyncio
from typing import Any


def forget_its_cancellation(task: "asyncio.Task[Any]") -> None:
    """For `add_done_callback`: let go of the error with which a cancelled task has ended.

    Its traceback leads to all that the task held, and from there, by way of a task group, to the error itself.
    """
    if not task.cancelled():
        return
    try:
        task.exception()  # it does not keep what it has told
    except asyncio.CancelledError as error:
        known: BaseException | None = error
        while known is not None:
            known.__traceback__ = None
            known = known.__context__
