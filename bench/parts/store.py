"""What keeping conversations costs a turn: the store on, a SQLite file, and off."""

from collections.abc import Callable, Sequence

from bench import processes
from bench.contenders import Contender
from bench.dialects import Ours
from bench.figures import Sample, pooled
from bench.measure import Burden
from bench.parts import side_by_side
from bench.plan import Plan
from bench.processes import Cores
from bench.report import table
from bench.section import Section, judged

ON, OFF = "store on", "store off"
FRAME_MS, CALLS, ROUNDS = 20, 20, 8
"""Turns enough that the p99 is not the one unlucky turn of all: about 320 with each."""
_SETTLE_S, _WINDOW_S = 2.0, 12.0
_MOST_MS = 2.0


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Both, by turns."""
    whole = what.repetitions > 1
    calls, rounds = (CALLS, ROUNDS) if whole else (4, 1)
    settle_s, window_s = (_SETTLE_S, _WINDOW_S) if whole else (what.settle_s, what.window_s)
    burden = Burden(FRAME_MS, calls, settle_s, window_s)
    samples, failures = await side_by_side.by_turns(_contenders(), burden, rounds, on, tell)
    return section(samples, failures, burden, rounds)


def _contenders() -> tuple[Contender, Contender]:
    databases = {OFF: "memory:", ON: "sqlite:///calls.db"}  # in the folder of its own that each process has
    off, on = (Contender(name, _started(url), Ours()) for name, url in databases.items())
    return off, on


def _started(url: str) -> Callable[[Cores], processes.Started]:
    return lambda on: processes.server(on, {"VAD": "off", "DATABASE_URL": url})


def section(samples: Sequence[Sample], failures: Sequence[str], burden: Burden, rounds: int) -> Section:
    """In words and a table."""
    off, on = (pooled(side_by_side.of(samples, name), lambda each: each.own_ms, 99).middle for name in (OFF, ON))
    rows = [side_by_side.row(name, samples) for name in (OFF, ON)]
    text = (
        f"Two servers, VAD off, one with `DATABASE_URL=memory:` and one with a SQLite file, {burden.calls} calls at "
        f"{burden.frame_ms} ms frames with each by turns, {rounds} times {burden.window_s:g} s; ms. In brackets the "
        "lowest and the highest time. With the file every turn writes its words, its timings and the lines of its "
        "bill, behind the call's back.\n\n" + table(side_by_side.HEAD, rows)
    )
    grown = judged("own time of a turn, p99, with the store on beyond that with it off", _MOST_MS, on - off, " ms", 1)
    return Section("Store on and off", text, (grown,), tuple(failures))
