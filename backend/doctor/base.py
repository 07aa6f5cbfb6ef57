"""The packages without which nothing here runs, be it the doctor; asked for with the standard library alone."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from backend.doctor.findings import Finding, wrong

BASE: Final = (
    *("aiohttp", "aiosqlite", "alembic", "dotenv", "httpx2", "httpx_aiohttp", "jwt", "openai", "orjson"),
    *("prometheus_client", "pydantic", "sqlalchemy", "volcenginesdkarkruntime", "websockets", "yaml"),
)
"""As they are imported; pyproject.toml has them as they are installed."""
_ROOT: Final = Path(__file__).resolve().parents[2]
_VENV: Final = Path(".venv/bin/python")


def packages(names: Iterable[str] = BASE, root: Path = _ROOT) -> Iterator[Finding]:
    """What is missing here, if anything: then nothing else can be looked at."""
    if not (missing := [name for name in names if importlib.util.find_spec(name) is None]):
        return
    text = f"{sys.executable or 'this Python'} does not have {', '.join(missing)}, so nothing else was looked at"
    if (root / _VENV).exists() and Path(sys.prefix) != root / ".venv":
        yield wrong("packages", text, f"make doctor, or {_VENV} -m backend.doctor: the project's own Python has them")
    else:
        yield wrong("packages", text, "run scripts/setup python, then make doctor")
