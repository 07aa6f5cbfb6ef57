"""Look for what may keep a call from working, and say how to mend it, in a line each.

Exit status: 0 where nothing is wrong (warnings may be), 1 where something is.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - nothing that is imported below can be read by an older one
    sys.exit("wrong    python      this is %s: install Python 3.11 or newer" % sys.version.split()[0])  # noqa: UP031

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from backend.config.env import environment
from backend.doctor.examination import examine
from backend.doctor.findings import as_json, as_text, exit_status
from backend.process.logs import configure


def main(argv: Sequence[str] | None = None) -> int:
    """Examine this machine; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.doctor", description=__doc__)
    parser.add_argument("--online", action="store_true", help="call every service that is configured, once")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(argv)
    configure("error", "text")
    findings = asyncio.run(examine(environment(), Path(".env"), ask=options.online))
    print((as_json if options.json else as_text)(findings))
    return exit_status(findings)


if __name__ == "__main__":
    sys.exit(main())
