"""How far a download has come: a bar on a terminal, a line per tenth elsewhere."""

import sys
from typing import Final, TextIO

BAR_CELLS: Final = 28
MEGABYTE: Final = 1_000_000


class Progress:
    """The state of one download, drawn when it changes."""

    def __init__(self, label: str, total_bytes: int, out: TextIO | None = None) -> None:
        self._label = label
        self._total_bytes = max(1, total_bytes)
        self._out = out if out is not None else sys.stderr
        self._drawn = -1

    def show(self, done_bytes: int) -> None:
        """So much has arrived."""
        percent = min(100, done_bytes * 100 // self._total_bytes)
        step = percent if self._out.isatty() else percent // 10 * 10
        if step == self._drawn:
            return
        self._drawn = step
        self._draw(step, min(done_bytes, self._total_bytes))

    def close(self) -> None:
        """Leave the bar's line as it is and go to the next."""
        if self._drawn >= 0 and self._out.isatty():
            print(file=self._out, flush=True)

    def _draw(self, percent: int, done_bytes: int) -> None:
        size = f"{done_bytes / MEGABYTE:.1f} of {self._total_bytes / MEGABYTE:.1f} MB"
        if self._out.isatty():
            bar = "█" * (percent * BAR_CELLS // 100)
            print(f"\r{self._label:<36} {bar:·<{BAR_CELLS}} {percent:3d} %  {size}", end="", file=self._out, flush=True)
        else:
            print(f"{self._label}: {percent} % ({size})", file=self._out, flush=True)
