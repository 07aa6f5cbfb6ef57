"""A deadline that is moved with every message ends what it should end, when it should, and nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.deadline import Deadline
from tests.support.virtual import virtually


class Timed(Protocol):
    """A block with a deadline, ours or the standard library's."""

    async def run(self, work_s: float) -> bool: ...
    def move(self, at: float | None) -> None: ...


class Ours:
    def __init__(self, at: float | None) -> None:
        self._deadline = Deadline(at)

    async def run(self, work_s: float) -> bool:
        try:
            with self._deadline:
                await asyncio.sleep(work_s)
        except TimeoutError:
            assert self._deadline.passed
            return False
        assert not self._deadline.passed
        return True

    def move(self, at: float | None) -> None:
        self._deadline.move(at)


class Theirs:
    def __init__(self, at: float | None) -> None:
        self._at = at
        self._timeout: asyncio.Timeout | None = None

    async def run(self, work_s: float) -> bool:
        self._timeout = asyncio.timeout_at(self._at)
        try:
            async with self._timeout:
                await asyncio.sleep(work_s)
        except TimeoutError:
            return False
        finally:
            self._timeout = None
        return True

    def move(self, at: float | None) -> None:
        self._at = at
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(at)


moments = st.integers(0, 40)
moves = st.lists(st.tuples(moments, st.one_of(st.none(), moments)), max_size=8)
"""At this time, have the deadline then."""


@given(st.one_of(st.none(), moments), moves, st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_block_after_block_ends_when_one_of_the_standard_library_would(
    first: int | None, planned: Sequence[tuple[int, int | None]], works: Sequence[int]
) -> None:
    async def blocks(make: Callable[[float | None], Timed]) -> list[tuple[bool, float]]:
        clock, timed = asyncio.get_running_loop().time, make(first)
        for when, at in planned:
            asyncio.get_running_loop().call_at(when + 0.5, timed.move, at)
        return [(await timed.run(work_s + 0.01), clock()) for work_s in works]

    assert virtually(blocks(Ours)) == virtually(blocks(Theirs))


def test_moving_it_back_again_and_again_sets_one_timer() -> None:
    async def messages() -> int:
        loop, set_at = asyncio.get_running_loop(), list[float]()
        deadline, call_at = Deadline(), loop.call_at

        def noted(when: float, *arguments: object, **options: object) -> asyncio.TimerHandle:
            set_at.append(when)
            return call_at(when, *arguments, **options)  # type: ignore[arg-type]

        loop.call_at = noted  # type: ignore[method-assign]
        for _ in range(100):
            deadline.move(loop.time() + 10)
            with deadline:
                await asyncio.sleep(0)
        return len(set_at)

    assert virtually(messages()) == 1


def test_whoever_is_cancelled_by_another_is_cancelled() -> None:
    async def stopped() -> None:
        deadline = Deadline(5)

        async def work() -> None:
            with deadline:
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(2)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not deadline.passed

    virtually(stopped())


async def fails_when_stopped() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise ConnectionError from None


def test_an_error_that_answers_the_end_is_told_and_leaves_the_task_as_it_was() -> None:
    async def answered() -> None:
        with pytest.raises(ConnectionError), Deadline(1):
            await fails_when_stopped()
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()
        await asyncio.sleep(1)

    virtually(answered())


def test_it_is_for_one_block_at_a_time() -> None:
    async def twice() -> None:
        deadline = Deadline()
        with deadline, pytest.raises(RuntimeError, match="one task at a time"), deadline:
            raise AssertionError("it was entered twice")

    virtually(twice())


def test_one_that_was_dropped_leaves_no_timer() -> None:
    async def left() -> int:
        deadline = Deadline(100)
        with deadline:
            await asyncio.sleep(1)
        deadline.drop()
        loop = asyncio.get_running_loop()
        return len([timer for timer in loop._scheduled if not timer.cancelled()])  # type: ignore[attr-defined]

    assert virtually(left()) == 0
