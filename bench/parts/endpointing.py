"""The corpus of turns, as `bench.endpointing` replays it."""

import asyncio
from collections.abc import Callable

from bench import endpointing
from bench.plan import Plan
from bench.processes import Cores
from bench.section import Section


async def run(_what: Plan, _on: Cores, _tell: Callable[[str], None]) -> Section:
    """The same at any length: it runs on the audio clock."""
    text = await asyncio.to_thread(endpointing.section)
    return Section("Endpointing", text.removeprefix(endpointing.HEADING).strip())
