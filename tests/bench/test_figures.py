"""Figures are what they are called."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures
from bench.figures import Spread, Usage, percentile, pooled, spread
from bench.load import Notes

SECOND = 1_000_000_000
USAGE = Usage(window_s=10, cpu_s=2.0, rss_mb=80, others_cpu=0.1, stolen_cpu=0.0, far_end_cpu=0.2)


def stamp(what: str, text: str, ns: int) -> dict[str, object]:
    return {"what": what, "text": text, "ns": ns, "id": ""}


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_the_value_at_its_rank(percent: float, value: int) -> None:
    assert percentile(range(100, 0, -1), percent) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_was_really_seen(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 99))


def test_delays_run_from_the_emulators_stamp_to_the_clients_note() -> None:
    notes = Notes(recognised={"one": 3_000_000, "two": 9_500_000}, first_sound={"reply": 7_000_000})
    stamps = [stamp("definite", "one", 1_000_000), stamp("definite", "two", 9_000_000)]

    sample = figures.conversation(2, notes, [*stamps, stamp("first_audio", "reply", 4_000_000)], USAGE, since_ns=0)

    assert sample.recognised_ms == (2.0, 0.5)
    assert sample.sounded_ms == (3.0,)


def test_what_happened_before_the_window_or_never_arrived_does_not_count() -> None:
    notes = Notes(recognised={"early": 2 * SECOND})
    stamps = [stamp("definite", "early", SECOND), stamp("definite", "unheard", 6 * SECOND)]

    sample = figures.conversation(1, notes, stamps, USAGE, since_ns=5 * SECOND)

    assert sample.recognised_ms == ()


def test_listening_is_the_time_outside_replies_within_the_window() -> None:
    replies = [(1 * SECOND, 7 * SECOND), (14 * SECOND, 20 * SECOND)]  # two seconds of the first, one of the last

    sample = figures.conversation(1, Notes(replies=replies), [], USAGE, since_ns=5 * SECOND)

    assert sample.listening == pytest.approx(0.7)
    assert sample.turns == 2


def test_cpu_is_told_for_a_minute_of_one_call() -> None:
    sample = figures.trickle(4, Notes(), USAGE, since_ns=0)

    assert sample.cpu_per_call_minute == pytest.approx(2.0 / 4 * 6)


def test_a_pooled_percentile_counts_every_delay_alike() -> None:
    many = figures.trickle(1, Notes(in_flight_ns=[(1, 1_000_000)] * 9), USAGE, 0)
    few = figures.trickle(1, Notes(in_flight_ns=[(1, 5_000_000)]), USAGE, 0)

    assert pooled([many, few], lambda sample: sample.sounded_ms, 50) == Spread(1.0, 1.0, 5.0)
    assert pooled([many, few], lambda sample: sample.sounded_ms, 99) == Spread(5.0, 1.0, 5.0)


def test_a_spread_passes_over_repetitions_that_saw_nothing() -> None:
    seen = [figures.trickle(1, Notes(in_flight_ns=[(1, delay)]), USAGE, 0) for delay in (3_000_000, 1_000_000)]
    blind = figures.trickle(1, Notes(), USAGE, 0)

    assert spread([*seen, blind], lambda sample: percentile(sample.sounded_ms, 50)) == Spread(2.0, 1.0, 3.0)
