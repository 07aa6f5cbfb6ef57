"""The table of attacks, for a terminal and for the docs."""

import platform
from collections.abc import Sequence
from typing import Final

from attacks.run import Row

BEGIN: Final = "<!-- attacks -->"
END: Final = "<!-- /attacks -->"
_HEAD: Final = (
    "| attack | attempts | of what | got through | honest callers: answers | p50 | p99 | their own lateness | turns | cut off | server: lag | grew by | the machine stood still | takes |\n"
    "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    return "\n".join([_HEAD, *map(_line, rows)])


def written(page: str, rows: Sequence[Row], seconds: float) -> str:
    """The page with the table in its place."""
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    about = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}; {seconds:g} s each."
    return f"{before}{BEGIN}\n\n{about}\n\n{table(rows)}\n\n{END}{after}"


def _line(row: Row) -> str:
    noticed = row.honest
    felt = (
        [f"{noticed['answers']:,.0f}", _ms(noticed["p50_ms"]), _ms(noticed["p99_ms"]),
         _ms(noticed.get("late_p99_ms", 0.0)), f"{noticed['turns']:,.0f}", f"{noticed['cut_off']:.0f}", _ms(row.lag_ms)]
        if noticed
        else [""] * 7
    )  # fmt: skip
    parts = [
        row.name,
        f"{row.outcome.tried:,}",
        row.outcome.note,
        str(row.outcome.harm),
        *felt,
        f"{row.grown_mib:.0f} MiB",
        _still(row),
        str(row.takes) if noticed else "",
    ]
    return f"| {' | '.join(parts)} |"


def _still(row: Row) -> str:
    if (stolen := row.stolen) is None:
        return "unknown" if row.honest else ""
    return f"{100 * stolen.share:.1f} %, {stolen.worst_ms:.0f} ms on end"


def _ms(value: float) -> str:
    return f"{value:.1f} ms"
