"""`npm run e2e` where there is no browser."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "frontend" / "e2e" / "run.mjs"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_chromium_they_are_skipped_with_a_reason_and_fail_where_they_must_run(ci: str, status: int) -> None:
    env = {**os.environ, "CHROMIUM": "/nowhere/chromium", "CI": ci}
    ran = subprocess.run(["node", RUN], env=env, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == status
    assert ran.stdout.startswith(
        "SKIPPED: the browser tests need Chromium, and there is none at /nowhere/chromium.\nInstall it"
    )
