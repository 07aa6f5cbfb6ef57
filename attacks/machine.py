"""How long the machine itself stood still, for whom no process can do anything: `python -m attacks.machine CORE`.

On a machine that is shared a core may be taken away for a tenth of a second, and whoever is measured then seems slow. A
process that goes before all others of its core (real-time priority) wakes every five milliseconds and notes how late that was.
"""

import asyncio
import json
import os
import select
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.processes import Cores

_BEAT_S: Final = 0.005
_NOTABLE_S: Final = 0.005
_PRIORITY: Final = 50
_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Stolen:
    """What was taken of a core's time in pieces of more than 5 ms.

    Attributes:
        share: of the time.
        worst_ms: the longest piece.
    """

    share: float = 0.0
    worst_ms: float = 0.0


class Standstill:
    """Watches the cores for the length of the block; `stolen` is of the core that lost most, None where it cannot be told."""

    def __init__(self, cores: Cores) -> None:
        self._cores = sorted((cores.tested or frozenset()) | (cores.others or frozenset()))
        self._watchers: list[asyncio.subprocess.Process] = []
        self.stolen: Stolen | None = None

    async def __aenter__(self) -> Self:
        self._watchers = [await _begin(core) for core in self._cores]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        said = [(await watcher.communicate(b""))[0] for watcher in self._watchers]
        told = [Stolen(**json.loads(words)) for words in said if words.strip()]
        if told and len(told) == len(said):
            self.stolen = max(told, key=lambda each: each.share)


async def _begin(core: int) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "attacks.machine", str(core)),
        stdin=pipe,
        stdout=pipe,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )


def watch(core: int) -> Stolen | None:
    """Until the input ends; None where the system does not let us go first, for then we would only watch ourselves wait."""
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {core})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        return _beat()
    return None


def _beat() -> Stolen:
    began = last = time.monotonic()
    lost_s = worst_s = 0.0
    while not select.select([sys.stdin], [], [], _BEAT_S)[0]:
        late_s, last = time.monotonic() - last - _BEAT_S, time.monotonic()
        worst_s = max(worst_s, late_s)
        lost_s += late_s if late_s > _NOTABLE_S else 0.0
    return Stolen(lost_s / max(_BEAT_S, last - began), 1000 * worst_s)


if __name__ == "__main__":
    if (found := watch(int(sys.argv[1]))) is not None:
        print(json.dumps({"share": found.share, "worst_ms": found.worst_ms}), flush=True)
