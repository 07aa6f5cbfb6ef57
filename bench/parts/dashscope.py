"""The DashScope path beside Doubao's: Paraformer, Qwen and CosyVoice, as the emulator serves them."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from bench import processes
from bench.contenders import Contender
from bench.dialects import Ours
from bench.figures import Sample, pooled
from bench.measure import Burden
from bench.parts import side_by_side
from bench.plan import Plan
from bench.processes import Cores
from bench.report import table
from bench.section import Aim, Section, judged

DOUBAO, DASHSCOPE = "Doubao and Ark, VAD off", "DashScope, VAD off"
DOUBAO_VAD, DASHSCOPE_VAD = "Doubao and Ark, VAD on", "DashScope, VAD on"
FRAME_MS, CALLS, ROUNDS = 20, 10, 2
_BOUNDS_MS: Final = {50: 10, 95: 30}
_MOST_CPU: Final = 1.3
_SETTLE_S, _WINDOW_S = 2.0, 14.0


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Both families, by turns, with the same delays."""
    whole = what.repetitions > 1
    calls, rounds = (CALLS, ROUNDS) if whole else (4, 1)
    settle_s, window_s = (_SETTLE_S, _WINDOW_S) if whole else (what.settle_s, what.window_s)
    burden = Burden(FRAME_MS, calls, settle_s, window_s)
    samples, failures = await side_by_side.by_turns(_contenders(), burden, rounds, on, tell)
    return section(samples, failures, burden, rounds)


def _contenders() -> tuple[Contender, ...]:
    return (
        Contender(DOUBAO, lambda on: processes.server(on, {"VAD": "off"}), Ours()),
        Contender(DASHSCOPE, lambda on: processes.dashscope(on, {"VAD": "off"}), Ours()),
        Contender(DOUBAO_VAD, lambda on: processes.server(on, {"VAD": "silero"}), Ours()),
        Contender(DASHSCOPE_VAD, lambda on: processes.dashscope(on, {"VAD": "silero"}), Ours()),
    )


def section(samples: Sequence[Sample], failures: Sequence[str], burden: Burden, rounds: int) -> Section:
    """In words and a table."""
    names = (DOUBAO, DASHSCOPE, DOUBAO_VAD, DASHSCOPE_VAD)
    text = (
        f"Servers of one family each, over the same scripted engines: {burden.calls} calls at "
        f"{burden.frame_ms} ms frames with each by turns, {rounds} times {burden.window_s:g} s; ms. In brackets the "
        "lowest and the highest time. DashScope's sockets, some for recognition and some for synthesis, serve all "
        f"calls, task after task.\n\n{table(side_by_side.HEAD, [side_by_side.row(name, samples) for name in names])}"
    )
    own = [_own(samples, name, percent) for name in (DASHSCOPE, DASHSCOPE_VAD) for percent in _BOUNDS_MS]
    cpu = [_cpu(samples, DASHSCOPE, DOUBAO), _cpu(samples, DASHSCOPE_VAD, DOUBAO_VAD)]
    return Section("DashScope", text, (*own, *cpu), tuple(failures))


def _own(samples: Sequence[Sample], name: str, percent: int) -> Aim:
    own = pooled(side_by_side.of(samples, name), lambda each: each.own_ms, percent).middle
    figure = f"own time in end of speech → first audio, p{percent}, {name}"
    return judged(figure, _BOUNDS_MS[percent], own, " ms", 1)


def _cpu(samples: Sequence[Sample], name: str, beside: str) -> Aim:
    times = _cpu_s(samples, name) / _cpu_s(samples, beside)
    return judged(f"processor time, {name}, to that of {beside}", _MOST_CPU, times, " ×", 2)


def _cpu_s(samples: Sequence[Sample], name: str) -> float:
    """Of a call-minute; NaN where none was measured."""
    mine = side_by_side.of(samples, name)
    minutes = sum(sample.calls * sample.usage.window_s for sample in mine) / 60
    return sum(sample.usage.cpu_s for sample in mine) / minutes if minutes else math.nan
