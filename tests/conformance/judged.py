"""Runs the kit in a test: quickly, and with what it needs to try everything."""

import os
from collections.abc import Iterable
from typing import Any

from conformance import runner
from conformance.bench import Options
from conformance.verdict import Result, Verdict


async def judged(
    url: str, *, groups: Iterable[str] = (), names: Iterable[str] = (), stop: bool = False, **options: Any
) -> dict[str, Result]:
    """Every result by the check's name. `stop` ends the server by SIGTERM to this process, which it has to handle."""
    given = {"pace": 20.0, "jobs": 12, "timeout_s": 20.0, **options}
    told = await runner.run(Options(url, pid=os.getpid() if stop else None, **given), runner.select(groups, names))
    return {result.name: result for result in told}


def named(results: dict[str, Result], verdict: Verdict) -> dict[str, str]:
    """The evidence of those that ended so, by name."""
    return {name: result.evidence for name, result in results.items() if result.verdict is verdict}
