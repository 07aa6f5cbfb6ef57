"""What Prometheus reads, as its own parser reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.marks import TurnMarks
from backend.telemetry.observer import TurnReport
from backend.telemetry.prometheus import BUCKETS_S, Metrics
from backend.telemetry.readings import Readings
from tests.support.caller import dialled
from tests.support.fakes import FakeModel, FakeRecognizer, Hears
from tests.support.switchboard import Switchboard, answering
from tests.test_web import serving

PROVIDERS = {"asr": "volcengine", "llm": "openai", "tts": "emulator"}


def answered(**at: float) -> TurnReport:
    return TurnReport(1, TurnMarks(0.0, at=dict(at), usage={"prompt_tokens": 10, "tts_characters": 4}))


Series = tuple[str, frozenset[tuple[str, str]]]


def series(name: str, **labels: str) -> Series:
    return f"lvc_{name}", frozenset(labels.items())


def samples(metrics: Metrics) -> dict[Series, float]:
    return dict(read(metrics.exposition()[0].decode()))


def read(text: str) -> Iterator[tuple[Series, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield (sample.name, frozenset(sample.labels.items())), sample.value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(PROVIDERS, "1.2.3")


def test_two_servers_in_one_process_count_apart(metrics: Metrics) -> None:
    metrics.call_began("call", "sid")

    assert samples(metrics)[series("calls_total")] == 1
    assert samples(Metrics(PROVIDERS, "1.2.3"))[series("calls_total")] == 0


def test_a_turn_is_counted_by_outcome_and_by_the_code_of_its_error(metrics: Metrics) -> None:
    metrics.turn_done("call", answered())
    metrics.turn_done("call", TurnReport(2, TurnMarks(0.0, failure="LLMTimeout")))
    metrics.turn_done("call", TurnReport(3, TurnMarks(0.0, cut_off="interrupted")))

    seen = samples(metrics)
    assert {key: value for key, value in seen.items() if key[0] == "lvc_turns_total" and value} == {
        series("turns_total", outcome="answered", code=""): 1,
        series("turns_total", outcome="failed", code="LLMTimeout"): 1,
        series("turns_total", outcome="interrupted", code=""): 1,
    }
    assert seen[series("barge_ins_total")] == 1


def test_marks_are_seconds_since_the_end_of_speech(metrics: Metrics) -> None:
    metrics.turn_done("call", answered(endpoint=0.6, first_audio=1.25))

    seen = samples(metrics)
    assert seen[series("turn_mark_seconds_sum", mark="first_audio")] == 1.25
    assert seen[series("turn_mark_seconds_bucket", mark="first_audio", le="1.0")] == 0
    assert seen[series("turn_mark_seconds_bucket", mark="first_audio", le="1.5")] == 1


def test_a_stage_names_the_service_that_it_waited_for(metrics: Metrics) -> None:
    metrics.turn_done("call", answered(endpoint=0.5, request_sent=0.625, llm_first_token=1.0))

    seen = samples(metrics)
    assert seen[series("turn_stage_seconds_sum", stage="endpoint", provider="volcengine")] == 0.5
    assert seen[series("turn_stage_seconds_sum", stage="handover", provider="self")] == 0.125
    assert seen[series("turn_stage_seconds_sum", stage="llm", provider="openai")] == 0.375
    assert seen[series("turn_stage_seconds_count", stage="tts", provider="emulator")] == 0


def test_what_turns_cost_adds_up_by_kind(metrics: Metrics) -> None:
    metrics.turn_done("call", answered())
    metrics.turn_done("call", answered())
    metrics.turn_done("call", TurnReport(3, TurnMarks(0.0, usage={"wasted_requests": 2, "wasted_prompt_tokens": 5})))

    assert samples(metrics)[series("tokens_total", kind="prompt")] == 20
    assert samples(metrics)[series("tokens_total", kind="wasted_prompt")] == 5
    assert samples(metrics)[series("wasted_requests_total")] == 2
    assert samples(metrics)[series("characters_total")] == 8


def test_refusals_are_counted_by_reason(metrics: Metrics) -> None:
    metrics.call_refused("lagging")

    seen = samples(metrics)
    assert seen[series("calls_refused_total", reason="lagging")] == 1
    assert seen[series("calls_refused_total", reason="full")] == 0, (
        "a reason that has not happened yet is a zero, not a gap"
    )


def test_gauges_and_bytes_are_read_when_somebody_asks(metrics: Metrics) -> None:
    now = Readings(calls=2, max_calls=9, accepting=False, loop_lag_ms=12.5, up_bytes=7, down_bytes=8)
    metrics.read(lambda: now)

    seen = samples(metrics)
    assert seen[series("calls_under_way")] == 2
    assert seen[series("calls_limit")] == 9
    assert seen[series("accepting")] == 0
    assert seen[series("loop_lag_seconds")] == 0.0125
    assert (seen[series("bytes_total", direction="up")], seen[series("bytes_total", direction="down")]) == (7, 8)


def test_buckets_fit_a_voice() -> None:
    assert (BUCKETS_S[0], BUCKETS_S[-1]) == (0.005, 10)
    assert list(BUCKETS_S) == sorted(set(BUCKETS_S))


async def test_a_call_is_counted_but_nothing_of_whose_or_what(metrics: Metrics) -> None:
    board = Switchboard(FakeRecognizer(Hears("天机不可泄露")), FakeModel([["好的。"]]), observer=metrics)
    async with answering(board), dialled(board.url, sid="whose-call") as caller:
        assert board.reception is not None
        metrics.read(board.reception.readings)
        await caller.turn()
        text = metrics.exposition()[0].decode()

    seen = dict(read(text))
    assert (seen[series("calls_total")], seen[series("calls_under_way")]) == (1, 1)
    assert seen[series("turns_total", outcome="answered", code="")] == 1
    assert seen[series("turn_mark_seconds_count", mark="first_audio")] == 1
    assert seen[series("bytes_total", direction="up")] > 3 * 3200
    assert seen[series("bytes_total", direction="down")] > 0
    assert "whose-call" not in text
    assert not set("天机不可泄露好的") & set(text)


async def test_the_page_shows_them_in_the_format_that_it_names(metrics: Metrics, tmp_path: Path) -> None:
    async with serving(tmp_path, exposition=metrics.exposition) as http, http.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert dict(read(await response.text()))[series("calls_total")] == 0


async def test_there_is_nothing_to_see_where_metrics_are_off(tmp_path: Path) -> None:
    async with serving(tmp_path) as http, http.get("/metrics") as response:
        assert response.status == 404
