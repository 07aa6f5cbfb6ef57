"""Writes the lists of checks and rules into a page: `python -m conformance.docs FILE`."""

import sys
from pathlib import Path

from conformance import report, runner
from conformance.rules import RULES


def lists() -> dict[str, str]:
    """Each list by the name of the comments that it stands between."""
    rows = [f"| `{name}` | {section} | {about} |" for name, (section, about) in RULES.items()]
    rules = "\n".join(["| rule | section | a client keeps it when |", "|---|---|---|", *rows]) + "\n"
    return {"rules": rules, "checks": report.markdown(runner.select())}


def filled(page: str) -> str:
    """The page with its lists as they should be."""
    for name, text in lists().items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = page.split(start, 1)
        page = f"{before}{start}\n\n{text}\n{end}{rest.split(end, 1)[1]}"
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
