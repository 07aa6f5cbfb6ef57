"""`python -m bench.profile`: which functions of the server the processor's time goes to, under a load."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import psutil

from bench import load, plan, processes
from bench.contenders import Contender
from bench.dialects import Ours
from bench.measure import Burden, warm
from bench.processes import Cores, Running
from bench.profiled import PROBES
from bench.report import table

Row = tuple[str, float, float, int]
"""Where, own seconds, seconds with what it calls, how often."""

_WRITTEN_S: Final = 20.0
_SETTLE_S: Final = 5.0
_SERVERS: Final = {"doubao": processes.server, "dashscope": processes.dashscope}
HEAD: Final = ("function", "own s", "own %", "with callees s", "times")


def main() -> int:
    """Run it and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--frame-ms", type=int, default=20, choices=(20, 100))
    parser.add_argument("--services", default="doubao", choices=tuple(_SERVERS))
    parser.add_argument("--vad", default="silero", choices=("silero", "off"))
    parser.add_argument("--how", default="calls", choices=tuple(PROBES))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--top", type=int, default=40)
    asked = parser.parse_args()
    burden = Burden(asked.frame_ms, asked.calls, _SETTLE_S, asked.seconds)
    rows, cpu = asyncio.run(profile(asked.how, asked.services, asked.vad, burden))
    loaded = f"{asked.calls} calls, {asked.frame_ms} ms frames, VAD={asked.vad}, {asked.seconds:g} s"
    print(f"{asked.services}: {loaded}; {cpu}\n")
    print(table(HEAD, shown(rows, asked.top)))
    return 0


async def profile(how: str, services: str, vad: str, burden: Burden) -> tuple[list[Row], str]:
    """What the server spent once everything was loaded, and in words how much that was by thread."""
    on = processes.cores()
    processes.pin(os.getpid(), on.others)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile.json"
        probed = ("-m", "bench.profiled", how, str(file))

        def start(on: Cores) -> AbstractAsyncContextManager[Running]:
            return _SERVERS[services](on, {"VAD": vad}, module=probed)

        async with start(on) as server:
            await warm(Contender(services, start, Ours()), server)
            turns = plan.turns_wanted(burden.calls, burden.window_s + 8)
            await processes.admin(server.emulator_url, "PUT", "script", plan.script(turns))
            async with load.conversations(server.url, burden.calls, plan.turn_s(), burden.frame_ms, Ours()):
                await asyncio.sleep(burden.settle_s)
                server.process.send_signal(signal.SIGUSR1)
                before = _by_thread(server.process)
                await asyncio.sleep(burden.window_s)
                after = _by_thread(server.process)
                server.process.send_signal(signal.SIGUSR1)
                await _written(file)
            return json.loads(file.read_text("utf-8")), _in_words(server.process.pid, before, after, burden.window_s)


def shown(rows: list[Row], top: int) -> list[list[str]]:
    """The dearest first."""
    rows = [row for row in rows if "'poll' of" not in row[0]]  # there it waits
    whole_s = sum(own for _, own, _, _ in rows) or 1.0
    dearest = sorted(rows, key=lambda row: row[1], reverse=True)[:top]
    return [
        [where, f"{own:.3f}", f"{100 * own / whole_s:.1f}", f"{whole:.3f}", str(times)]
        for where, own, whole, times in dearest
    ]


async def _written(file: Path) -> None:
    async with asyncio.timeout(_WRITTEN_S):
        while not file.exists():  # noqa: ASYNC110, ASYNC240 - one look a tenth of a second
            await asyncio.sleep(0.1)


def _by_thread(process: psutil.Process) -> dict[int, float]:
    return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}


def _in_words(main: int, before: dict[int, float], after: dict[int, float], seconds: float) -> str:
    spent = {thread: cpu_s - before.get(thread, 0.0) for thread, cpu_s in after.items()}
    loop_s = spent.pop(main, 0.0)
    return (
        f"event loop {100 * loop_s / seconds:.0f} % of a core (the profile is of it alone, and slows it), "
        f"other threads {100 * sum(spent.values()) / seconds:.0f} %"
    )


if __name__ == "__main__":
    sys.exit(main())
