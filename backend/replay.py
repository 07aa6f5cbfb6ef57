"""`python -m backend.replay FILE…`: play recorded calls back, and say whether the call still decides the same.

Exit status: 0 all the same, 1 something differs, 2 a file that cannot be played back.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.recording.rerun import DifferenceError, RecordingError, Result, rerun
from backend.version import VERSION

SAME, DIFFERENT, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Each file in turn; the worst status."""
    parser = argparse.ArgumentParser(prog="python -m backend.replay", description="Play recorded calls back.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording, from RECORD_DIR")
    return max(_one(path) for path in parser.parse_args(arguments).files)


def _one(path: Path) -> int:
    try:
        result = rerun(path)
    except DifferenceError as exc:
        print(f"{path}: {exc}", file=sys.stderr)
        return DIFFERENT
    except RecordingError as exc:
        print(f"{path}: {exc}", file=sys.stderr)
        return UNREADABLE
    print(f"{path}: {_told(result)}")
    return SAME


def _told(result: Result) -> str:
    minutes, seconds = divmod(result.seconds, 60)
    extent = f"{result.turns} turns, {result.inputs} inputs, {result.frames} frames, {minutes:.0f} min {seconds:.1f} s"
    ends = {
        "": "; it breaks off there, as when the server is killed",
        "full": "; it ends there because it had reached RECORD_CALL_MB",
        "slow disk": "; it ends there because the disk was too slow",
    }
    by = "" if result.server == VERSION else f" (recorded by version {result.server})"
    return f"the same effects, byte for byte: {extent}{ends.get(result.end, '')}{by}"


if __name__ == "__main__":
    sys.exit(main())
