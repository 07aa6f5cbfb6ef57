"""Runs attacks one by one, each with honest callers on the line, and says what came of it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from attacks import callers, deaf, raw, strangers
from attacks.machine import Standstill, Stolen
from attacks.outcome import Attack, Deadline, Outcome
from attacks.target import Target, target
from attacks.watch import Growth, loop_lag_ms
from bench.processes import Cores

ATTACKS: Final[Mapping[str, Attack]] = {
    "mutated frames": callers.mutated,
    "slow-loris handshakes": raw.slow_loris,
    "oversize handshakes and requests": raw.oversize,
    "oversize messages": callers.oversize_messages,
    "gzip bombs": callers.gzip_bombs,
    "10,000 half-open sockets": raw.half_open,
    "in and out": raw.in_and_out,
    "cross-origin": strangers.cross_origin,
    "token replay and forgery": strangers.forgery,
    "sid guessing": strangers.guessing,
    "path traversal": strangers.traversal,
    "callers that never read": deaf.never_reading,
    "callers that flood": callers.floods,
}
PEACE: Final = "nothing (for comparison)"
LONGER: Final = {"10,000 half-open sockets": 4, "callers that never read": 3}
"""So many times as long as the others: so many sockets take a while to open, and a caller has 5 s before it is hung up on."""
P99_MS: Final = 60.0
GROWTH_MIB: Final = 96.0
"""What a server may hold more than before, while it is attacked: the bounds of its sockets and calls, and room to spare."""
STOLEN_SHARE: Final = 0.005
"""Of a core's time: where the machine took more, how long the hundredth answer took says as much of it as of the server."""
TAKES: Final = 4
"""Of such a row, at most: the last one counts, whatever it is."""
REST_S: Final = 20.0
"""Before the next take: who shares a machine, and had much of it, is made to wait."""
_SETTLE_S: Final = 0.5
_ROOT: Final = Path(__file__).resolve().parents[1]
BEARS_ALL: Final = {"MAX_FRAMES_PER_S": 10**6, "MAX_FRAME_BURST": 10**6, "MAX_BAD_FRAMES": 10**6, "MAX_LOOP_LAG_MS": 0}


@dataclass(frozen=True, slots=True)
class Row:
    """One attack with what it did, what the honest callers noticed, and what the server held."""

    name: str
    outcome: Outcome
    honest: Mapping[str, float]
    grown_mib: float
    alive: bool
    crashes: int = 0
    lag_ms: float = 0.0
    stolen: Stolen | None = None
    takes: int = 1

    @property
    def is_disturbed(self) -> bool:
        """Whether it misses the callers' time alone, in a machine that stood still meanwhile."""
        return (
            self.stolen is not None
            and self.stolen.share > STOLEN_SHARE
            and self.faults() != self.faults(p99_ms=float("inf")) == []
        )

    @property
    def p99_ms(self) -> float:
        """Of the honest callers' answers."""
        return self.honest.get("p99_ms", 0.0)

    def faults(self, p99_ms: float = P99_MS) -> list[str]:
        """What must not be."""
        found = [
            (not self.alive, "the server is gone, or does not answer"),
            (self.outcome.harm > 0, f"{self.outcome.harm} times it got what it must not get"),
            (self.outcome.tried == 0, "it did nothing"),
            (0 < self.outcome.tried < self.outcome.wanted, f"{self.outcome.tried:,} of {self.outcome.wanted:,} tries"),
            (self.crashes + self.outcome.crashes > 0, "something crashed in the server"),
            (self.honest.get("foreign", 0) > 0, "honest callers heard somebody else"),
            (self.honest.get("cut_off", 0) > 0, "honest callers were cut off"),
            (self.p99_ms > p99_ms, f"honest callers waited {self.p99_ms:.1f} ms (p99)"),
            (self.grown_mib > GROWTH_MIB, f"the server grew by {self.grown_mib:.0f} MiB"),
        ]
        return [words for wrong, words in found if wrong]


async def run(
    seconds: float, cores: Cores, tell: Callable[[str], None], only: Collection[str] = ()
) -> AsyncIterator[Row]:
    """Every attack, or those alone, for so long each, against one server."""
    async with target(cores) as here:
        _give_way(here)
        for name, attack in {PEACE: _peace, **ATTACKS}.items():
            if name == PEACE or not only or name in only:
                tell(name)
                yield await _taken(here, name, attack, seconds * LONGER.get(name, 1), cores)


async def _taken(here: Target, name: str, attack: Attack, seconds: float, cores: Cores) -> Row:
    """A row; another one, after a rest, while the machine disturbs it."""
    for takes in range(1, TAKES + 1):
        row = await beside(here, name, attack, seconds, cores)
        if not row.is_disturbed or takes == TAKES:
            break
        await asyncio.sleep(REST_S)
    return replace(row, takes=takes)


async def one_million(frames: int, cores: Cores) -> Row:
    """Mutated frames at a server whose bounds on their number are off."""
    async with target(cores, BEARS_ALL) as here:
        before = here.rss_mib()
        outcome = await callers.million(here, frames)
        await asyncio.sleep(_SETTLE_S)
        grown, alive = here.rss_mib() - before, await _is_alive(here)
        return Row(f"{frames:,} mutated frames", outcome, {}, grown, alive, here.crashes())


async def beside(here: Target, name: str, attack: Attack, seconds: float, cores: Cores) -> Row:
    """One attack, with honest callers on the line."""
    crashed = here.crashes()
    honest = await _start_honest(here, seconds + _SETTLE_S, cores)
    await asyncio.sleep(_SETTLE_S)
    lag_ms = [0.0]
    async with Growth(here) as growth, Standstill(cores) as machine:
        listening = asyncio.create_task(loop_lag_ms(here, lag_ms))
        outcome = await attack(here, Deadline.after(seconds))
        noticed = json.loads((await honest.communicate())[0].splitlines()[-1])
        listening.cancel()
    alive = await _is_alive(here)
    return Row(name, outcome, noticed, growth.mib, alive, here.crashes() - crashed, lag_ms[0], machine.stolen)


def _give_way(here: Target) -> None:
    """Attackers, honest callers and the services share a core: who measures goes first, or it would measure its own
    waiting. The attackers take what is left, which is nearly all."""
    os.nice(19)
    for child in here.process.children():
        with suppress(psutil.Error, OSError):
            child.nice(10)


async def _peace(_here: Target, deadline: Deadline) -> Outcome:
    await asyncio.sleep(deadline.left_s)
    return Outcome(tried=1, note="no attack")


async def _start_honest(here: Target, seconds: float, cores: Cores) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "attacks.honest", here.url, here.token("honest"), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    with suppress(psutil.Error, OSError):
        psutil.Process(process.pid).nice(0)
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def _is_alive(here: Target) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError, psutil.Error):
        async with aiohttp.ClientSession() as http, asyncio.timeout(10), http.get(f"{here.page}/healthz") as response:
            return response.status == 200 and here.process.is_running()
    return False
