"""When the loop counts as too busy for one call more."""

import asyncio
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.process.loop_load import EVERY_S, NEWCOMER, WINDOW, LoopLoad, spent_s


def noted(load: LoopLoad, share: float, calls: int) -> LoopLoad:
    for _ in range(WINDOW):
        load.note(share, calls)
    return load


def test_a_loop_with_room_takes_one_more() -> None:
    assert not noted(LoopLoad(0.75), 0.7, 42).is_too_much_with(43)


def test_a_busy_loop_does_not() -> None:
    assert noted(LoopLoad(0.75), 0.76, 46).is_too_much_with(46)


def test_those_who_have_just_come_count_with_what_they_will_cost() -> None:
    load = noted(LoopLoad(0.75), 0.4, 25)  # 0.016 a call

    assert not load.is_too_much_with(25 + 21)
    assert load.is_too_much_with(25 + 22)


def test_a_few_calls_do_not_say_what_many_would_cost() -> None:
    load = noted(LoopLoad(0.75), 0.06, 1)

    assert not load.is_too_much_with(1 + 34)
    assert load.is_too_much_with(1 + 35)


def test_no_limit_means_never() -> None:
    assert not noted(LoopLoad(0), 1.0, 100).is_too_much_with(1000)


def test_before_the_first_sample_everybody_is_welcome() -> None:
    assert not LoopLoad(0.75).is_too_much_with(100)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 200)), max_size=30), st.integers(0, 200))
def test_more_calls_never_make_room(samples: list[tuple[float, int]], calls: int) -> None:
    load = LoopLoad(0.75)
    for share, were in samples:
        load.note(share, were)

    assert load.is_too_much_with(calls + 1) or not load.is_too_much_with(calls)


def test_what_one_call_more_is_expected_to_cost_is_bounded() -> None:
    load = noted(LoopLoad(0.5), 0.5 - 2.5 * NEWCOMER, 0)

    assert not load.is_too_much_with(2)
    assert load.is_too_much_with(3)


async def test_the_load_is_what_was_spent_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = spent = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now, spent
        if now >= WINDOW * EVERY_S:
            raise asyncio.CancelledError
        now += seconds
        spent += 0.6 * seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    load = LoopLoad(0.5, lambda: now, lambda: spent)

    with pytest.raises(asyncio.CancelledError):
        await load.watch(lambda: 7)

    assert load.share == pytest.approx(0.6)
    assert load.is_too_much_with(7)


def test_the_work_of_other_threads_counts_by_the_core() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    own, all_threads = time.thread_time(), time.process_time()

    assert spent_s() >= max(own, all_threads / cores)
