"""Each part says in words and aims what it saw."""

import math
from dataclasses import replace

from bench import plan
from bench.figures import Sample, Usage
from bench.measure import Burden
from bench.parts import barge_in, dashscope, latency, memory, overload, peers, store
from bench.parts.barge_in import Cuts
from bench.parts.overload import Door

USAGE = Usage(10, 1, 80, 0, 0, 0.1, 0.1)


def answered(contender: str, ms: float, own_ms: float = 5.0) -> Sample:
    return Sample(contender, 20, 10, USAGE, answered_ms=(ms,), waited_ms=(150.0,), own_ms=(own_ms,), turns=1)


def test_latency_is_judged_for_ours_alone() -> None:
    samples = [answered("ours, VAD on", 800, own_ms=40), answered("reference logic", 3100)]

    aims = {aim.figure: aim.verdict for aim in latency.section(samples, [645.0], [], plan.FULL).aims}

    assert aims["own time in end of speech → first audio, p50, ours, VAD on"] == "not reached"
    assert aims["end of speech → first audio, p50, ours, VAD on"] == "reached"
    assert aims["end of speech → first audio, p50, ours, VAD off"] == "not measured"
    assert not any("reference" in figure for figure in aims)


def test_the_services_alone_stand_beside_it() -> None:
    text = latency.section([answered("reference logic", 3100)], [645.0, 650.0], [], plan.FULL).text

    assert "| services alone  | 648 (645-650) |" in text


def test_what_failed_is_handed_on() -> None:
    assert latency.section([], [], ["ours: it broke"], plan.FULL).failures == ("ours: it broke",)


def test_memory_is_judged_idle_and_for_each_further_call() -> None:
    section = memory.section({"ours, VAD off": ([55.0, 57.0], [80.0, 80.0], [200.0, 220.0])}, [], 50)

    assert [aim.verdict for aim in section.aims] == ["reached", "reached", "not measured"]
    assert section.aims[0].reached == "56.0 MB"


def test_beyond_capacity_both_sides_of_the_door_are_judged() -> None:
    doors = {"MAX_CALLS=3": Door(admitted=3, refused_ms=[150.0], delay_ms=(10.0,), own_ms=(12.0,))}

    section = overload.section(doors, [], plan.FULL)

    assert [aim.verdict for aim in section.aims] == ["reached", "not reached"]


def test_a_crowd_that_nobody_refused_leaves_the_second_aim_open() -> None:
    section = overload.section({"a": Door(delay_ms=(10.0,))}, [], plan.FULL)

    assert [aim.verdict for aim in section.aims] == ["reached", "not measured"]


def test_barge_in_is_judged_by_the_last_stale_sound() -> None:
    cuts = Cuts(told=[1.0] * 100, last_sound=[0.0] * 98 + [25.0] * 2, done=[2.0] * 100, late_frames=2)

    last, stale = barge_in.section(cuts, []).aims

    assert (last.reached, last.verdict) == ("25.00 ms", "not reached")
    assert (stale.reached, stale.verdict) == ("0", "reached")


def test_peers_are_compared_like_with_like() -> None:
    samples = [answered("pipecat, VAD on", 1500), answered("ours, VAD on", 800)]

    aims = peers.aims(samples)

    assert [(aim.reached, aim.verdict) for aim in aims] == [("700 ms", "reached"), ("-", "not measured")]
    assert not math.isnan(samples[0].cpu_per_call_minute)


def test_the_store_is_judged_by_how_much_longer_the_slowest_turns_take() -> None:
    burden = Burden(20, 10, 2.0, 12.0)
    samples = [answered("store off", 800, own_ms=10.0), answered("store on", 800, own_ms=12.5)]

    aim = store.section(samples, [], burden, 1).aims[0]

    assert (aim.reached, aim.verdict) == ("2.5 ms", "not reached")
    assert store.section(samples[:1], [], burden, 1).aims[0].verdict == "not measured"


def test_dashscope_is_judged_as_the_other_family_is() -> None:
    samples = [answered("Doubao and Ark, VAD off", 800, own_ms=50.0), answered("DashScope, VAD off", 790, own_ms=9.0)]

    section = dashscope.section(samples, [], Burden(20, 10, 2.0, 14.0), 2)

    verdicts = ["reached", "reached", "not measured", "not measured", "reached", "not measured"]
    assert [aim.verdict for aim in section.aims] == verdicts
    assert "| DashScope" in section.text


def test_dashscope_may_cost_a_third_more_than_the_other_family_with_the_same_vad() -> None:
    dear = replace(USAGE, cpu_s=1.5)
    samples = [
        answered("Doubao and Ark, VAD off", 800),
        answered("Doubao and Ark, VAD on", 800),
        replace(answered("DashScope, VAD off", 790), usage=dear),
        answered("DashScope, VAD on", 790),
    ]

    aims = dashscope.section(samples, [], Burden(20, 10, 2.0, 14.0), 2).aims[-2:]

    assert [(aim.reached, aim.verdict) for aim in aims] == [("1.50 ×", "not reached"), ("1.00 ×", "reached")]
