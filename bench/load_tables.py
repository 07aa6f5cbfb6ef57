"""The load part in words and tables. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from bench.figures import BUSY, FULL, SPENT, Sample, Spread, capacity, percentile, pooled, spread
from bench.plan import Plan
from bench.report import cell, table
from bench.section import Aim, Section, judged, judged_least

RELAY = "relay"
OURS = "ours, VAD off"
OURS_VAD = "ours, VAD on"
AIMED_AT_CALLS = 50


def section(samples: Sequence[Sample], failures: Mapping[str, str], what: Plan) -> Section:
    """All of it."""
    parts = [method(what)]
    for frame_ms in _frames(samples):
        at_frame = [sample for sample in samples if sample.frame_ms == frame_ms]
        parts += [f"### {frame_ms} ms frames: CPU-s per call-minute", cpu_table(at_frame)]
        parts += [f"### {frame_ms} ms frames: end of speech → first audio", answer_table(at_frame)]
    parts += ["### Calls per core", capacity_table(samples), "### What else the run saw", conditions_table(samples)]
    told = tuple(f"{name}: {why}" for name, why in failures.items())
    return Section("Load", "\n\n".join(parts), aims(samples), told)


def method(what: Plan) -> str:
    """How it is measured."""
    return f"""\
Each contender is a process of its own on one core; on the other core are the callers (one process) and the emulator or
the relay's far end (one process a contender; all but the one whose turn it is are idle). Our server and the relay
([`bench/relay.py`](../bench/relay.py)) run on the same event loop. {what.repetitions} repetitions with fresh processes;
{what.settle_s:g} s to settle and a window of {what.window_s:g} s (relay {what.relay_window_s:g} s) each. Cells are
medians of the repetitions, in brackets the lowest and the highest; × is times the relay. No higher load is run on a
contender that took {100 * FULL:.0f} % of its core (`full`), or whose far end and callers together took
{100 * SPENT:.0f} % of theirs (`blind`: then the figures tell of them)."""


def cpu_table(samples: Sequence[Sample]) -> str:
    """By load and contender."""
    names = _names(samples)
    rows = [
        [str(calls), *(_cpu_cell(_at(samples, name, calls), _at(samples, RELAY, calls)) for name in names)]
        for calls in _loads(samples)
    ]
    return table(["calls", *names], rows)


def answer_table(samples: Sequence[Sample]) -> str:
    """p50 and p95 of end of speech to first audio by load; for the relay, its own p50 and p95 from end to end."""
    names = _names(samples)
    rows = [
        [str(calls), *(_delay_cell(_at(samples, name, calls), name) for name in names)] for calls in _loads(samples)
    ]
    note = "ms, p50 / p95 of all repetitions together; of the relay the time that a frame is under way."
    return f"{table(['calls', *names], rows)}\n\n{note}"


def capacity_table(samples: Sequence[Sample]) -> str:
    """Calls at `BUSY` of a core."""
    rows = []
    for frame_ms in _frames(samples):
        for name in _names(samples):
            calls, how = capacity(samples, name, frame_ms)
            rows.append([f"{name}, {frame_ms} ms", "-" if math.isnan(calls) else f"{calls:.0f}", how])
    note = f"At most {100 * BUSY:.0f} % of the core, no turn lost, no gap in a reply's sound"
    return f"{table(['contender', 'calls', 'how it is known'], rows)}\n\n{note}; between two loads by a straight line."


def conditions_table(samples: Sequence[Sample]) -> str:
    """What has to be known to believe the rest."""
    rows = []
    for frame_ms in _frames(samples):
        for calls in _loads(samples):
            for name in _names(samples):
                group = [each for each in _at(samples, name, calls) if each.frame_ms == frame_ms]
                if group:
                    rows.append([f"{name}, {frame_ms} ms, {calls}", *_conditions(group)])
    head = ["contender, frames, calls", "core %", "emulator %", "callers %", "frames late p99 ms", "listening %"]
    head += ["turns", "lost", "gaps", "errors", "KB up / min", "KB down / min", "RSS MB", "other work %", "stolen %"]
    return table(head, rows)


def _conditions(group: Sequence[Sample]) -> list[str]:
    def shown(figure: Callable[[Sample], float], digits: int = 0) -> str:
        return cell(spread(group, figure), digits)

    return [
        shown(lambda each: 100 * each.usage.core) + (" full" if any(each.is_full for each in group) else ""),
        shown(lambda each: 100 * each.usage.far_end_cpu),
        shown(lambda each: 100 * each.usage.callers_cpu) + (" blind" if any(each.is_blind for each in group) else ""),
        shown(lambda each: percentile(each.late_ms, 99), 1),
        shown(lambda each: 100 * each.listening),
        *(str(sum(map(attrgetter(name), group))) for name in ("turns", "lost", "dry", "errors")),
        shown(lambda each: each.kb_up * 60 / each.usage.window_s / each.calls),
        shown(lambda each: each.kb_down * 60 / each.usage.window_s / each.calls),
        shown(attrgetter("usage.rss_mb"), 1),
        shown(lambda each: 100 * each.usage.others_cpu),
        shown(lambda each: 100 * each.usage.stolen_cpu),
    ]


def aims(samples: Sequence[Sample]) -> tuple[Aim, ...]:
    """CPU at the load aimed at, and calls per core."""
    found: list[Aim] = []
    for frame_ms, bounds in ((20, ((OURS, 0.6), (OURS_VAD, 1.0))), (100, ((OURS, 0.4),))):
        at_frame = [sample for sample in samples if sample.frame_ms == frame_ms]
        calls = max((load for load in _loads(at_frame) if load <= AIMED_AT_CALLS), default=0)
        for name, bound in bounds:
            figure = f"CPU-s per call-minute, {frame_ms} ms frames, {calls} calls, {name}"
            found.append(judged(figure, bound, cpu(_at(at_frame, name, calls)).middle, "", 3))
            if name == OURS and frame_ms == 20:
                found.append(judged(f"{figure}, times the relay", 2.5, times_relay(at_frame, name, calls), " ×", 2))
    for frame_ms, least in ((20, 40), (100, 60)):
        figure = f"calls per core at ≤ 70 % CPU, no underrun, {frame_ms} ms frames, {OURS_VAD}"
        found.append(judged_least(figure, least, capacity(samples, OURS_VAD, frame_ms)[0], ""))
    return tuple(found)


def cpu(samples: Iterable[Sample]) -> Spread:
    """CPU-s per call-minute."""
    return spread(samples, attrgetter("cpu_per_call_minute"))


def times_relay(samples: Sequence[Sample], name: str, calls: int) -> float:
    """At this load."""
    floor = cpu(_at(samples, RELAY, calls)).middle
    return cpu(_at(samples, name, calls)).middle / floor if floor else math.nan


def _cpu_cell(samples: Sequence[Sample], relay: Sequence[Sample]) -> str:
    mine, floor = cpu(samples), cpu(relay).middle
    shown = cell(mine, 3)
    if math.isnan(mine.middle) or math.isnan(floor) or not floor or samples[0].contender == RELAY:
        return shown
    return f"{shown}, {mine.middle / floor:.1f} ×"


def _delay_cell(samples: Sequence[Sample], name: str) -> str:
    delays = attrgetter("told_ms" if name == RELAY else "answered_ms")
    digits = 2 if name == RELAY else 0
    values = [pooled(samples, delays, percent).middle for percent in (50, 95)]
    return "-" if any(map(math.isnan, values)) else " / ".join(f"{value:.{digits}f}" for value in values)


def _at(samples: Sequence[Sample], name: str, calls: int) -> list[Sample]:
    return [sample for sample in samples if (sample.contender, sample.calls) == (name, calls)]


def _loads(samples: Sequence[Sample]) -> list[int]:
    return sorted({sample.calls for sample in samples})


def _frames(samples: Sequence[Sample]) -> list[int]:
    return sorted({sample.frame_ms for sample in samples})


def _names(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(sample.contender for sample in samples))
