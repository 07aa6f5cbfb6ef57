"""One load on one contender: the callers in, a while to settle, a window in which everything is counted."""

import asyncio
import gc
import time
from dataclasses import dataclass
from typing import Final

from bench import figures, load, plan, processes
from bench.contenders import Contender
from bench.figures import Sample
from bench.load import JOIN_S
from bench.machine_load import rss_mb, watch
from bench.processes import Running

_LAST_REPLY_S: Final = 3.0
_WARM_S: Final = 20.0
_WARM_FRAME_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Burden:
    """What a contender is given to carry.

    Attributes:
        query: more for the URL.
    """

    frame_ms: int
    calls: int
    settle_s: float
    window_s: float
    query: str = ""


async def measure(contender: Contender, at: Running, burden: Burden) -> Sample:
    """Let callers talk with it."""
    frame_ms, calls, settle_s, window_s = burden.frame_ms, burden.calls, burden.settle_s, burden.window_s
    if at.emulator_url:
        turns = plan.turns_wanted(calls, settle_s + window_s + _LAST_REPLY_S)
        await processes.admin(at.emulator_url, "PUT", "script", plan.script(turns))
        await processes.admin(at.emulator_url, "DELETE", "stats")
    async with load.conversations(
        at.url + burden.query, calls, plan.spread_s(settle_s), frame_ms, contender.dialect
    ) as notes:
        await asyncio.sleep(settle_s + JOIN_S)
        notes.forget_counts()
        since_ns = time.monotonic_ns()
        usage = await watch(at.process, at.far_end, window_s)
    gc.collect()
    name = (contender.name, frame_ms, calls)
    if not contender.answers:
        return figures.trickle(name, notes, usage, since_ns)
    stamps = (await processes.admin(at.emulator_url, "GET", "stats"))["stamps"]
    return figures.conversation(name, notes, stamps, usage, since_ns)


async def warm(contender: Contender, at: Running) -> float:
    """One turn, so that everything is loaded; gives what the process then holds in memory, in MB.

    Raises:
        RuntimeError: there was no answer.
    """
    if contender.answers:
        await processes.admin(at.emulator_url, "PUT", "script", plan.script(2))
        async with load.conversations(at.url, 1, 0, _WARM_FRAME_MS, contender.dialect) as notes:
            give_up_at = time.monotonic() + _WARM_S
            while not any(turn.sound_ns for turn in notes.turns):
                if time.monotonic() > give_up_at:
                    raise RuntimeError(f"{contender.name}: a first call was not answered within {_WARM_S:g} s")
                await asyncio.sleep(0.1)
            await asyncio.sleep(plan.reply_ms() / 1000)
    return rss_mb(at.process)


def in_short(sample: Sample) -> str:
    """One line for whoever watches."""
    usage = sample.usage
    delays = sample.answered_ms or sample.told_ms
    p50, p95 = figures.percentile(delays, 50), figures.percentile(delays, 95)
    return (
        f"{sample.contender:16} {sample.frame_ms:3} ms {sample.calls:3} calls  p50 {p50:7.1f}  p95 {p95:7.1f} ms  "
        f"{sample.cpu_per_call_minute:.3f} CPU-s/call-min  core {100 * usage.core:3.0f} %  "
        f"far end {100 * usage.far_end_cpu:2.0f} + {100 * usage.callers_cpu:2.0f} %  {usage.rss_mb:.0f} MB  "
        f"turns {sample.turns}, lost {sample.lost}, dry {sample.dry}, errors {sample.errors}"
    )
