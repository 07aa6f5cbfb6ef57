"""CPU, capacity and latency under load: all contenders by turns, so that what the machine does meanwhile meets all."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from bench import load_tables
from bench.contenders import ALL, Contender
from bench.figures import Sample
from bench.measure import Burden, in_short, measure, warm
from bench.plan import Plan
from bench.processes import Cores, Running
from bench.section import Section

Tell = Callable[[str], None]


async def run(what: Plan, on: Cores, tell: Tell, contenders: Sequence[Contender] = ALL) -> Section:
    """The whole grid, as often as planned."""
    samples, failures = await grid(what, on, tell, contenders)
    return load_tables.section(samples, failures, what)


async def grid(
    what: Plan, on: Cores, tell: Tell, contenders: Sequence[Contender]
) -> tuple[list[Sample], dict[str, str]]:
    """Every sample that could be had, and what could not be."""
    runner = _Runner(what, tell)
    for repetition in range(1, what.repetitions + 1):
        tell(f"repetition {repetition} of {what.repetitions}")
        async with AsyncExitStack() as stack:
            ready = await runner.begin(
                stack, on, [each for each in contenders if each.name in what.rows or not what.rows]
            )
            for frame_ms in what.frames_ms:
                for calls in what.calls:
                    for contender, at in ready:
                        await runner.load(contender, at, frame_ms, calls)
    return runner.samples, runner.failures


class _Runner:
    def __init__(self, what: Plan, tell: Tell) -> None:
        self.samples: list[Sample] = []
        self.failures: dict[str, str] = {}
        self._what = what
        self._tell = tell
        self._ends: dict[tuple[str, int], int] = {}

    async def begin(
        self, stack: AsyncExitStack, on: Cores, contenders: Sequence[Contender]
    ) -> list[tuple[Contender, Running]]:
        """Those that come up, warm."""
        started = []
        for contender in contenders:
            try:
                started.append((contender, await stack.enter_async_context(contender.start(on))))
            except Exception as exc:
                self._fail(f"{contender.name}: start", exc)
        if not self._what.warms:
            return started
        answers = await asyncio.gather(*(warm(*each) for each in started), return_exceptions=True)
        for (contender, _), answer in zip(started, answers, strict=True):
            if isinstance(answer, BaseException):
                self._fail(f"{contender.name}: first call", answer)
        return [each for each, answer in zip(started, answers, strict=True) if isinstance(answer, float)]

    async def load(self, contender: Contender, at: Running, frame_ms: int, calls: int) -> None:
        """One load, unless a lower one has shown that it would tell nothing."""
        if calls > self._ends.get((contender.name, frame_ms), calls):
            return
        what = self._what
        settle_s = what.settle_s if contender.answers else min(1.0, what.settle_s)
        window_s = what.window_s if contender.answers else what.relay_window_s
        try:
            sample = await measure(contender, at, Burden(frame_ms, calls, settle_s, window_s))
        except Exception as exc:
            self._fail(f"{contender.name}, {calls} calls, {frame_ms} ms", exc)
            self._ends[contender.name, frame_ms] = min(calls, self._ends.get((contender.name, frame_ms), calls))
            return
        self.samples.append(sample)
        self._tell("  " + in_short(sample))
        if sample.is_full or sample.is_blind:
            self._ends[contender.name, frame_ms] = calls

    def _fail(self, what: str, exc: BaseException) -> None:
        self.failures[what] = f"{type(exc).__name__}: {exc}"
        self._tell(f"  FAILED {what}: {exc}")
