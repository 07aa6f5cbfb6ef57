"""`python -m bench`: measure, print, and write `docs/benchmarks.md`. It judges nothing and fails no build."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine, plan, report
from bench.run import run

_DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> int:
    """Run it; the exit status says only whether it could run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 40 s, one repetition, nothing written")
    options = parser.parse_args()
    what = plan.QUICK if options.quick else plan.FULL
    described = machine.describe()
    print(f"{described}\n", flush=True)
    try:
        results = asyncio.run(run(what, lambda line: print(line, flush=True)))
    except RuntimeError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    print("", *report.tables(results), sep="\n\n")
    if not options.quick:
        _DOCUMENT.parent.mkdir(exist_ok=True)
        _DOCUMENT.write_text(report.document(results, what, described, f"{datetime.now(UTC):%Y-%m-%d}"), "utf-8")
        print(f"\nwritten to {_DOCUMENT.relative_to(_DOCUMENT.parents[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
