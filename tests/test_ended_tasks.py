"""What has ended is freed without the collector."""

import asyncio
import weakref

import pytest

from backend.ended_tasks import forget_its_cancellation

pytestmark = pytest.mark.usefixtures("without_the_collector")


class Held:
    """What a task has."""


async def _hold(held: Held, ready: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(60))
        ready.set()
        await asyncio.sleep(60)
    assert held


@pytest.mark.parametrize("forgotten", [True, False])
async def test_a_cancelled_task_lets_go_of_what_it_held(forgotten: bool) -> None:
    held, ready = Held(), asyncio.Event()
    there = weakref.ref(held)
    task = asyncio.create_task(_hold(held, ready))
    if forgotten:
        task.add_done_callback(forget_its_cancellation)
    del held
    await ready.wait()
    task.cancel()
    await asyncio.wait([task])
    del task

    await asyncio.sleep(0)

    assert (there() is None) == forgotten


async def test_a_task_that_failed_keeps_its_error() -> None:
    async def fail() -> None:
        raise ValueError("x")

    task = asyncio.create_task(fail())
    task.add_done_callback(forget_its_cancellation)
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert isinstance(task.exception(), ValueError)
