"""When the loop counts as overloaded, and when no longer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.process.loop_lag import EVERY_S, WINDOW, LoopLag


def noted(lag: LoopLag, late_ms: float, times: int) -> LoopLag:
    for _ in range(times):
        lag.note(late_ms)
    return lag


def test_one_long_pause_is_no_overload() -> None:
    assert not noted(LoopLag(60), 2000, 1).too_late


def test_a_loop_that_stays_late_is_overloaded_before_half_its_window_is_late() -> None:
    assert noted(LoopLag(60), 80, WINDOW // 4).too_late


def test_a_loop_below_its_limit_is_not() -> None:
    assert not noted(LoopLag(60), 59, 10 * WINDOW).too_late


def test_no_limit_means_never() -> None:
    lag = noted(LoopLag(0), 5000, WINDOW)

    assert lag.lag_ms == 5000
    assert not lag.too_late


def test_it_stays_overloaded_until_well_below_the_limit() -> None:
    lag = noted(LoopLag(60), 80, WINDOW)

    assert noted(lag, 40, 10 * WINDOW).too_late, "40 ms would be fine for one that is not overloaded yet"
    assert not noted(lag, 20, WINDOW).too_late


def test_it_does_not_flap_around_the_limit() -> None:
    lag = noted(LoopLag(60), 80, WINDOW)
    verdicts = []
    for late_ms in (55, 65) * 100:
        lag.note(late_ms)
        verdicts.append(lag.too_late)

    assert all(verdicts)


@given(st.lists(st.floats(0, 500), max_size=300))
def test_a_verdict_changes_only_with_the_lag_beyond_its_bound(samples: list[float]) -> None:
    lag = LoopLag(60)
    for sample in samples:
        before = lag.too_late
        lag.note(sample)
        if lag.too_late != before:
            assert lag.lag_ms > 60 if lag.too_late else lag.lag_ms <= 30


class LateLoop:
    """A clock, and a sleep that oversleeps."""

    def __init__(self, late_s: float, naps: int) -> None:
        self.now = 100.0
        self._late_s = late_s
        self._naps = naps

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if not self._naps:
            raise asyncio.CancelledError
        self._naps -= 1
        self.now += seconds + self._late_s


async def test_the_lag_is_what_a_sleeper_oversleeps() -> None:
    loop = LateLoop(0.07, WINDOW)
    lag = LoopLag(60, loop.clock, loop.sleep)

    with pytest.raises(asyncio.CancelledError):
        await lag.watch()

    assert lag.lag_ms == pytest.approx(70)
    assert lag.too_late
    assert loop.now == pytest.approx(100 + WINDOW * (EVERY_S + 0.07))
