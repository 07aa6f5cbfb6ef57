"""Two servers of ours by turns, each a few times in one run, so that what the machine does meanwhile meets both."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from bench.contenders import Contender
from bench.figures import Sample, pooled
from bench.measure import Burden, in_short, measure, warm
from bench.processes import Cores
from bench.report import cell

HEAD = ("", "answered p50", "own p50", "own p95", "own p99", "CPU-s/call-min", "turns", "lost")
_METRICS = "&events=TurnMetrics"


async def by_turns(
    contenders: Sequence[Contender], burden: Burden, rounds: int, on: Cores, tell: Callable[[str], None]
) -> tuple[list[Sample], list[str]]:
    """Every sample that could be had, and what went wrong."""
    samples: list[Sample] = []
    failures: list[str] = []
    told = Burden(burden.frame_ms, burden.calls, burden.settle_s, burden.window_s, _METRICS)
    async with AsyncExitStack() as stack:
        ready = [(each, await stack.enter_async_context(each.start(on))) for each in contenders]
        for contender, at in ready:
            await warm(contender, at)
        for place in range(rounds):
            for contender, at in ready if place % 2 == 0 else ready[::-1]:
                try:
                    samples.append(await measure(contender, at, told))
                    tell("  " + in_short(samples[-1]))
                except Exception as exc:
                    failures.append(f"{contender.name}: {type(exc).__name__}: {exc}")
                    tell(f"  FAILED {failures[-1]}")
    return samples, failures


def of(samples: Sequence[Sample], name: str) -> list[Sample]:
    """One contender's."""
    return [sample for sample in samples if sample.contender == name]


def row(name: str, samples: Sequence[Sample]) -> list[str]:
    """Of the table with `HEAD`."""
    mine = of(samples, name)
    cpu = sum(sample.usage.cpu_s for sample in mine)
    minutes = sum(sample.calls * sample.usage.window_s for sample in mine) / 60
    return [
        name,
        cell(pooled(mine, lambda each: each.answered_ms, 50), 0),
        *(cell(pooled(mine, lambda each: each.own_ms, percent), 1) for percent in (50, 95, 99)),
        f"{cpu / minutes:.3f}" if minutes else "-",
        str(sum(sample.turns for sample in mine)),
        str(sum(sample.lost for sample in mine)),
    ]
