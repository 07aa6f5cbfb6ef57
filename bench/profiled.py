"""`python -m bench.profiled HOW FILE`: our server, that notes where its time goes between two SIGUSR1.

HOW is `calls` (cProfile: every call is counted, which makes small functions look dearer than they are) or `samples`
(the line that is being run, looked up every 4 ms of processor time, which disturbs nothing but counts nothing).
"""

import collections
import cProfile
import json
import pstats
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

from backend import handler

EVERY_S: Final = 0.004


class Probe(Protocol):
    """What notes it."""

    def start(self) -> None:
        """Begin."""

    def stop(self, into: Path) -> None:
        """End, and write what was noted."""


class Calls:
    """Every function that is called on the event loop's thread."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def start(self) -> None:
        """Begin."""
        self._profile.enable()

    def stop(self, into: Path) -> None:
        """As rows of (where, own seconds, seconds with what it calls, calls)."""
        self._profile.disable()
        rows = [
            (f"{Path(file).name}:{line} {name}", own, whole, calls)
            for (file, line, name), (_, calls, own, whole, _) in pstats.Stats(self._profile).stats.items()  # type: ignore[attr-defined]
        ]
        into.write_text(json.dumps(rows), "utf-8")


class Samples:
    """The function that runs on the event loop's thread, and those that called it, every millisecond of CPU time."""

    def __init__(self) -> None:
        self._own: collections.Counter[str] = collections.Counter()
        self._whole: collections.Counter[str] = collections.Counter()

    def start(self) -> None:
        """Begin."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def stop(self, into: Path) -> None:
        """As rows of (where, own seconds, seconds with what it calls, samples)."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        rows = [
            (where, self._own[where] * EVERY_S, seen * EVERY_S, self._own[where]) for where, seen in self._whole.items()
        ]
        into.write_text(json.dumps(rows), "utf-8")

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        if frame is not None:
            self._own[_where(frame)] += 1
        seen = set()
        while frame is not None:
            seen.add(_where(frame))
            frame = frame.f_back
        self._whole.update(seen)


PROBES: Final[dict[str, type[Calls] | type[Samples]]] = {"calls": Calls, "samples": Samples}


def _where(frame: FrameType) -> str:
    code = frame.f_code
    if code.co_filename == "<string>" and frame.f_back is not None:  # a dataclass made it; who uses it says more
        return f"{code.co_name} in {_where(frame.f_back)}"
    return f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_qualname}"


def main() -> int:
    """Serve, as `python -m backend.handler` does."""
    probe: Probe = PROBES[sys.argv[1]]()
    file = Path(sys.argv[2])
    running = False

    def switch(_signal: int, _frame: FrameType | None) -> None:
        nonlocal running
        if running:
            probe.stop(file.with_suffix(".part"))
            file.with_suffix(".part").rename(file)
        else:
            probe.start()
        running = not running

    signal.signal(signal.SIGUSR1, switch)
    sys.argv[1:] = []
    return handler.main()


if __name__ == "__main__":
    sys.exit(main())
