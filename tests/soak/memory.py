"""What a call leaves in the server's memory: real calls, one after another, and a line through the server's size.

`python -m tests.soak.memory` starts a server and the scripted emulator in processes of their own, calls it over
WebSockets, has a turn in each call, and fails when the server grows by 100 bytes a call or more.
"""

import argparse
import asyncio
import gc
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from bench.processes import Cores, admin, server
from tests.support.caller import dialled

AIM_BYTES: Final = 100
PRINTED: Final = 2_000
AT_ONCE: Final = 8
BETWEEN_READINGS: Final = 200
SETTINGS: Final[Mapping[str, object]] = {
    "VAD": "off",
    "MAX_CALLS_PER_IP": 1000,
    "HANDSHAKES_PER_IP_S": 10_000,
    "HANDSHAKE_BURST_PER_IP": 10_000,
    "VOICE_CALL_HOLD_COMPLETE_MS": 0,
    "VOICE_CALL_HOLD_OPEN_MS": 0,
    "VOICE_CALL_HOLD_FIRST_MS": 0,
    "VOICE_CALL_HOLD_UNFINISHED_MS": 0,
}


SCRIPT: Final = {"hears": ["你好"] * BETWEEN_READINGS, "replies": ["好。"] * (2 * BETWEEN_READINGS)}
"""More than is used: a sentence may be asked for twice, on trial."""


@dataclass(frozen=True, slots=True)
class Line:
    """The best straight line through the readings.

    Attributes:
        slope: bytes a call.
        error: standard error of the slope.
    """

    slope: float
    error: float

    def __str__(self) -> str:
        return f"{self.slope:.1f} ± {1.96 * self.error:.1f} bytes a call"


def fit(points: Sequence[tuple[int, int]]) -> Line:
    """Least squares through `(calls, bytes)`."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return Line(slope, math.sqrt(off / (count - 2) / spread))


async def measure(calls: int, warm: int, settings: Mapping[str, object]) -> Line:
    """Have so many calls after `warm` others; what one leaves."""
    points: list[tuple[int, int]] = []
    async with server(Cores(None, None), {**SETTINGS, **settings}) as at:
        url = at.url.partition("?")[0]
        for done in range(0, warm + calls, BETWEEN_READINGS):
            await admin(at.emulator_url, "PUT", "script", SCRIPT)
            await _have(url, BETWEEN_READINGS)
            if done >= warm:
                points.append((done, at.process.memory_info().rss))
            if (done + BETWEEN_READINGS) % PRINTED == 0:
                print(_reading(done + BETWEEN_READINGS, at.process, at.far_end), flush=True)
        if len(points) < 3:
            raise ValueError(f"fewer than {3 * BETWEEN_READINGS} calls tell nothing")
    return fit(points)


async def _have(url: str, calls: int) -> None:
    """So many calls, some at once, and all of them over."""
    numbers = iter(range(calls))

    async def one_after_another() -> None:
        for number in numbers:
            await _call(url, spoken=number % 2 == 0)

    async with asyncio.TaskGroup() as callers:
        for _ in range(AT_ONCE):
            callers.create_task(one_after_another())
    gc.collect()


async def _call(url: str, *, spoken: bool) -> None:
    """One call with one turn."""
    async with asyncio.timeout(30), dialled(url, audio_format="pcm") as caller:
        if spoken:
            await caller.speak(600)
        else:
            await caller.send("UserText", {"text": "在吗？"})
        await caller.until("TTSDone")


def _reading(calls: int, process: psutil.Process, far_end: psutil.Process) -> str:
    sizes = [f"{name} {part.memory_info().rss / 1e6:.2f} MB" for name, part in (("server", process), ("far", far_end))]
    return f"after {calls} calls: {', '.join(sizes)}, {process.num_fds()} files, {process.num_threads()} threads"


def main() -> int:
    """Measure, and say what came of it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.memory", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--warm", type=int, default=8_000, help="calls before the first reading")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    asked = parser.parse_args()
    line = asyncio.run(measure(asked.calls, asked.warm, dict(pair.split("=", 1) for pair in asked.set)))
    print(f"{asked.calls} calls: {line} (aim: less than {AIM_BYTES})")
    return 0 if line.slope < AIM_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
