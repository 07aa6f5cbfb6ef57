"""`python -m bench`: measure, print, and write `docs/benchmarks.md`. It judges nothing and fails no build."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bench import keeping, machine, report
from bench.processes import ROOT
from bench.run import PARTS, run
from bench.section import Section

DOCUMENT: Final = ROOT / "docs" / "benchmarks.md"
QUICK: Final = ("start", "latency", "barge-in", "overload", "load")
KEPT: Final = ROOT / "docs" / "benchmarks.json"


def main() -> int:
    """Run it; the exit status says whether every part could run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 60 s: most parts for a moment, nothing written")
    parser.add_argument("--only", action="append", choices=tuple(PARTS), help="this part alone; may be repeated")
    options = parser.parse_args()
    described = machine.describe()
    print(f"{described}\n", flush=True)
    names = options.only or (QUICK if options.quick else [name for name in PARTS if name != "peers"])
    sections = asyncio.run(_measured(names, quick=options.quick, described=described))
    print("", report.document(sections), sep="\n")
    if not options.quick:
        print(f"written to {DOCUMENT.relative_to(ROOT)} and {KEPT.relative_to(ROOT)}")
    failed = [f"{name}: {why}" for name, section in sections.items() for why in section.failures]
    for why in failed:
        print(f"bench: not measured: {why}", file=sys.stderr)
    return 1 if failed else 0


async def _measured(names: Sequence[str], *, quick: bool, described: str) -> dict[str, Section]:
    """Each part is kept as soon as it is there."""
    sections = {}
    async for name, section in run(names, quick=quick, tell=lambda line: print(line, flush=True)):
        sections[name] = section.on(described, f"{datetime.now(UTC):%Y-%m-%d}")
        if not quick:
            keeping.keep(KEPT, DOCUMENT, {name: sections[name]})
    return sections


if __name__ == "__main__":
    sys.exit(main())
