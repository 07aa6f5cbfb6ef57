"""`python -m attacks [--seconds N] [--frames N] [--only ATTACK] [--write]`: a table, and an exit status for scripts."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from attacks import run
from attacks.report import table, written
from attacks.run import Row
from bench.processes import cores, pin

_PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
_FRAMES: Final = 1_000_000


async def _rows(seconds: float, frames: int, only: list[str]) -> list[Row]:
    on = cores()
    pin(os.getpid(), on.others)
    told = run.run(seconds, on, lambda name: print(f"  {name} ...", file=sys.stderr, flush=True), only)
    rows = [row async for row in told]
    if frames and not only:
        print(f"  {frames:,} mutated frames ...", file=sys.stderr, flush=True)
        rows.append(await run.one_million(frames, on))
    return rows


def main() -> int:
    """Run them; 0 where nothing came of it that must not."""
    parser = argparse.ArgumentParser(prog="python -m attacks")
    parser.add_argument("--seconds", type=float, default=8, help="for each attack (%(default)s)")
    parser.add_argument("--frames", type=int, default=_FRAMES, help="mutated frames at the end (%(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    parser.add_argument("--only", action="append", choices=list(run.ATTACKS), help="this attack; may be given again")
    asked = parser.parse_args()
    rows = asyncio.run(_rows(asked.seconds, asked.frames, asked.only or []))
    print(table(rows))
    faults = [f"{row.name}: {fault}" for row in rows for fault in row.faults()]
    print("\n".join(faults) or "Nothing came of it.")
    if asked.write and not asked.only:
        _PAGE.write_text(written(_PAGE.read_text("utf-8"), rows, asked.seconds), "utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
