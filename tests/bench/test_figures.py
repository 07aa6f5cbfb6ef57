"""Figures are what they are called."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures, plan
from bench.figures import Sample, Spread, Usage, capacity, percentile, pooled, spread
from bench.load import Notes, Turn

MS = 1_000_000
SECOND = 1_000_000_000
USAGE = Usage(window_s=10, cpu_s=2.0, rss_mb=80, others_cpu=0.1, stolen_cpu=0.0, far_end_cpu=0.2, callers_cpu=0.1)
NAME = ("ours", 20, 2)
SENTENCE = plan.reply(3).partition("。")[0] + "。"


def stamp(what: str, text: str, ns: int) -> dict[str, object]:
    return {"what": what, "text": text, "ns": ns, "id": ""}


def told(asked_ns: int, sounded_ns: int) -> list[dict[str, object]]:
    first_token_ns = asked_ns + plan.FIRST_TOKEN_MS * MS
    return [stamp("first_token", SENTENCE[0], first_token_ns), stamp("first_audio", SENTENCE, sounded_ns)]


def measured(turn: Turn, stamps: list[dict[str, object]], since_ns: int = 0) -> Sample:
    return figures.conversation(NAME, Notes(turns=[turn]), stamps, USAGE, since_ns)


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_the_value_at_its_rank(percent: float, value: int) -> None:
    assert percentile(range(100, 0, -1), percent) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_was_really_seen(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 99))


def test_an_answer_is_its_wait_the_services_and_the_servers_own_time() -> None:
    turn = Turn(spoke_ns=SECOND, sentence=SENTENCE, sound_ns=SECOND + 800 * MS)

    sample = measured(turn, told(asked_ns=SECOND + 150 * MS, sounded_ns=SECOND + 795 * MS))

    assert sample.answered_ms == (800.0,)
    assert sample.waited_ms == (150.0,)
    assert sample.own_ms == (800.0 - 150 - plan.ANSWER_MS,)
    assert sample.told_ms == (5.0,)


def test_an_answer_that_waited_for_the_decision_counts_from_there() -> None:
    turn = Turn(SECOND, recognised_ns=SECOND + 900 * MS, sentence=SENTENCE, sound_ns=SECOND + 903 * MS)

    sample = measured(turn, told(asked_ns=SECOND + 100 * MS, sounded_ns=SECOND + 740 * MS))

    assert sample.own_ms == (3.0,)


def test_the_servers_own_word_on_its_decision_goes_before_the_clients() -> None:
    turn = Turn(
        SECOND,
        recognised_ns=SECOND + 902 * MS,
        sentence=SENTENCE,
        sound_ns=SECOND + 904 * MS,
        metrics={"endpoint": 880, "first_audio": 885},
    )

    sample = measured(turn, told(asked_ns=SECOND + 100 * MS, sounded_ns=SECOND + 740 * MS))

    assert (sample.own_ms, sample.decided_ms) == ((5.0,), (880.0,))


def test_words_that_were_kept_until_the_decision_have_the_synthesisers_time_before_them() -> None:
    metrics = {"endpoint": 700, "tts_first_text": 701, "first_audio": 704 + round(plan.TTS_FIRST_BYTE_MS)}
    turn = Turn(SECOND, sentence=SENTENCE, sound_ns=SECOND + 905 * MS, metrics=metrics)

    sample = measured(turn, told(asked_ns=SECOND + 100 * MS, sounded_ns=SECOND + 903 * MS))

    assert sample.own_ms == (4.0,)


def test_a_second_sentence_is_not_taken_for_the_beginning_of_a_reply() -> None:
    second = plan.reply(3).partition("。")[2]
    turn = Turn(SECOND, sentence=second, sound_ns=2 * SECOND)

    sample = measured(turn, [stamp("first_audio", second, SECOND)])

    assert sample.told_ms == ()


def test_turns_from_before_the_window_do_not_count() -> None:
    turn = Turn(SECOND, sentence=SENTENCE, sound_ns=6 * SECOND)

    assert measured(turn, told(SECOND, SECOND), since_ns=5 * SECOND).turns == 0


def test_a_turn_that_was_never_answered_is_lost_unless_it_had_no_time() -> None:
    turns = [Turn(SECOND), Turn(round((10 - figures.UNANSWERED_S + 1) * SECOND))]

    assert figures.conversation(NAME, Notes(turns=turns), [], USAGE, since_ns=0).lost == 1


def test_listening_is_the_time_outside_replies_within_the_window() -> None:
    replies = [(1 * SECOND, 7 * SECOND), (14 * SECOND, 20 * SECOND)]  # two seconds of the first, one of the last

    sample = figures.conversation(("ours", 20, 1), Notes(replies=replies), [], USAGE, since_ns=5 * SECOND)

    assert sample.listening == pytest.approx(0.7)


def test_cpu_is_told_for_a_minute_of_one_call() -> None:
    sample = figures.trickle(("relay", 20, 4), Notes(), USAGE, since_ns=0)

    assert sample.cpu_per_call_minute == pytest.approx(2.0 / 4 * 6)


def trickled(*delays_ms: int) -> Sample:
    return figures.trickle(("relay", 20, 1), Notes(in_flight_ns=[(1, delay * MS) for delay in delays_ms]), USAGE, 0)


def test_a_pooled_percentile_counts_every_delay_alike() -> None:
    many, few = trickled(*[1] * 9), trickled(5)

    assert pooled([many, few], lambda sample: sample.told_ms, 50) == Spread(1.0, 1.0, 5.0)
    assert pooled([many, few], lambda sample: sample.told_ms, 99) == Spread(5.0, 1.0, 5.0)


def test_a_spread_passes_over_repetitions_that_saw_nothing() -> None:
    samples = [trickled(3), trickled(1), trickled()]

    assert spread(samples, lambda sample: percentile(sample.told_ms, 50)) == Spread(2.0, 1.0, 3.0)


def loaded(calls: int, core: float, **more: Any) -> Sample:
    usage = Usage(10, 10 * core, 80, 0, 0, more.pop("far_end", 0.1), 0.1)
    return Sample("ours", 20, calls, usage, **more)


def test_capacity_lies_where_the_core_is_busy_enough() -> None:
    calls, how = capacity([loaded(10, 0.2), loaded(50, 0.6), loaded(100, 1.0)], "ours", 20)

    assert calls == pytest.approx(50 + 50 * 0.25)
    assert "between 50 and 100" in how


def test_capacity_does_not_go_beyond_what_was_run() -> None:
    assert capacity([loaded(10, 0.2)], "ours", 20)[0] == 10


@pytest.mark.parametrize("fault", [{"dry": 1}, {"lost": 1}, {"errors": 1}, {"far_end": 0.8}])
def test_a_load_with_a_fault_is_no_capacity(fault: dict[str, float]) -> None:
    assert capacity([loaded(10, 0.2), loaded(50, 0.5, **fault)], "ours", 20)[0] == 10


def test_a_server_that_faults_at_once_has_no_capacity() -> None:
    assert math.isnan(capacity([loaded(1, 0.1, lost=1)], "ours", 20)[0])
