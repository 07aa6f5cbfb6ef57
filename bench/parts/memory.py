"""What the server holds: before anyone calls, after a first turn, and for each further call."""

import asyncio
import math
from collections.abc import Callable

from bench import figures
from bench.contenders import OURS, OURS_VAD, Contender
from bench.figures import Spread
from bench.machine_load import rss_mb
from bench.measure import Burden, measure, warm
from bench.plan import Plan
from bench.processes import Cores
from bench.report import cell, table
from bench.section import Aim, Section, judged

FRAME_MS = 100
FEW, MANY = 1, 50
_KB_PER_MB = 1000

Row = tuple[list[float], list[float], list[float]]
"""MB before anyone calls, after one turn; KB for each further call."""


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Both ways of running it."""
    rows: dict[str, Row] = {}
    failures: list[str] = []
    many = MANY if what.repetitions > 1 else 8
    for contender in (OURS, OURS_VAD):
        for _ in range(what.repetitions):
            try:
                idle, warmed, further = await _one(contender, what, on, many)
            except Exception as exc:
                failures.append(f"{contender.name}: {type(exc).__name__}: {exc}")
                continue
            row = rows.setdefault(contender.name, ([], [], []))
            for place, value in enumerate((idle, warmed, further)):
                row[place].append(value)
            tell(f"  {contender.name}: {idle:.1f} MB, after a turn {warmed:.1f} MB, {further:.0f} KB a further call")
    return section(rows, failures, many)


async def _one(contender: Contender, what: Plan, on: Cores, many: int) -> tuple[float, float, float]:
    async with contender.start(on) as at:
        await asyncio.sleep(what.settle_s)  # what it loads beside its start is loaded by then
        idle = rss_mb(at.process)
        warmed = await warm(contender, at)
        one = await measure(contender, at, Burden(FRAME_MS, FEW, 1.0, what.settle_s))
        all_of_them = await measure(contender, at, Burden(FRAME_MS, many, what.settle_s, what.settle_s))
    further = _KB_PER_MB * (all_of_them.usage.rss_mb - one.usage.rss_mb) / (many - FEW)
    return idle, warmed, further


def section(rows: dict[str, Row], failures: list[str], many: int) -> Section:
    """In words and a table."""
    spreads = {name: tuple(figures.of(values) for values in row) for name, row in rows.items()}
    shown = [
        [name, cell(idle, 1), cell(warmed, 1), cell(further, 0)] for name, (idle, warmed, further) in spreads.items()
    ]
    text = (
        "Resident size of the server's process, at first some seconds after its start. The first turn loads what is "
        "loaded on demand (with VAD the model). "
        f"A further call is the difference between {many} calls and {FEW}, all talking, by {many - FEW}.\n\n"
        + table(["", "MB before anyone calls", "MB after one turn", "KB per further call"], shown)
    )
    return Section("Memory", text, aims(spreads), tuple(failures))


def aims(spreads: dict[str, tuple[Spread, ...]]) -> tuple[Aim, ...]:
    """Idle without VAD, further calls with and without."""
    nothing = (Spread(math.nan, math.nan, math.nan),) * 3
    idle_mb = spreads.get(OURS.name, nothing)[0].middle
    return (
        judged(f"memory, idle server, {OURS.name}", 60, idle_mb, " MB", 1),
        *(
            judged(f"memory per further call, {each.name}", 500, spreads.get(each.name, nothing)[2].middle, " KB")
            for each in (OURS, OURS_VAD)
        ),
    )
