"""Look for what may keep a call from working, and say how to mend it, in a line each.

Exit status: 0 where nothing is wrong (warnings may be), 1 where something is.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - nothing that is imported below can be read by an older one
    sys.exit("wrong    python      this is %s: install Python 3.11 or newer" % sys.version.split()[0])  # noqa: UP031

import argparse
import asyncio
import importlib
from collections.abc import Sequence

from backend.doctor.base import packages
from backend.doctor.findings import Finding, as_json, as_text, exit_status


def main(argv: Sequence[str] | None = None) -> int:
    """Examine this machine; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.doctor", description=__doc__)
    parser.add_argument("--online", action="store_true", help="call every service that is configured, once")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(argv)
    findings = list(packages()) or _examined(online=options.online)
    print((as_json if options.json else as_text)(findings))
    return exit_status(findings)


def _examined(*, online: bool) -> list[Finding]:
    examination = importlib.import_module("backend.doctor.examination")  # with all that the server itself imports
    findings: list[Finding] = asyncio.run(examination.examine_here(ask=online))
    return findings


if __name__ == "__main__":
    sys.exit(main())
