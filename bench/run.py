"""Runs the parts one after another; one that fails says so and lets the others be."""

import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from bench import plan, processes
from bench.parts import barge_in, dashscope, endpointing, latency, load, memory, overload, passing, peers, start, store
from bench.plan import Plan
from bench.processes import Cores
from bench.section import Section

Part = Callable[[Plan, Cores, Callable[[str], None]], Awaitable[Section]]

PARTS: Final[dict[str, Part]] = {
    "start": start.run,
    "memory": memory.run,
    "latency": latency.run,
    "passing": passing.run,
    "store": store.run,
    "dashscope": dashscope.run,
    "barge-in": barge_in.run,
    "overload": overload.run,
    "endpointing": endpointing.run,
    "load": load.run,
    "peers": peers.run,
}
"""In the order in which they run: what is short first, so that a broken set-up shows soon."""


async def run(names: Sequence[str], *, quick: bool, tell: Callable[[str], None]) -> AsyncIterator[tuple[str, Section]]:
    """These parts, each as soon as it is done."""
    on = processes.cores()
    processes.pin(os.getpid(), on.others)
    gc.disable()  # a collection here would look like a pause of the server's
    for name in names:
        what = plan.QUICK if quick else plan.PEERS if name == "peers" else plan.FULL
        tell(f"{name} ...")
        began = time.monotonic()
        try:
            section = await PARTS[name](what, on, tell)
        except Exception as exc:
            section = Section(name.capitalize(), "", failures=(f"the whole part: {type(exc).__name__}: {exc}",))
            tell(f"  FAILED {name}: {exc}")
        tell(f"{name}: {time.monotonic() - began:.0f} s")
        yield name, section
        gc.collect()
