"""What an idle server does not hold in memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADED = "import backend.handler, backend.web, backend.connections.page_port, backend.api.costs"
BIG = ("sqlalchemy", "alembic", "pydantic", "openai", "httpx", "cryptography", "numpy", "opentelemetry")


def test_a_server_with_a_sqlite_file_loads_nothing_big_before_anyone_calls() -> None:
    program = (
        f"import sys\n{LOADED}\nfrom backend.store.database import Database\n"
        f"Database('sqlite+aiosqlite:///calls.db')\nprint([name for name in {BIG} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")


def test_expressions_are_compiled_when_the_server_listens_and_not_while_it_starts() -> None:
    program = (
        f"{LOADED}\nfrom backend.call import spoken\n"
        "ready = lambda: sum('_compiled' in vars(each) for each in spoken._PATTERNS)\n"
        "before = ready()\nspoken.compile_all()\nprint(before, len(spoken._PATTERNS) - ready(), ready() > 20)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.stdout.strip(), ended.stderr) == ("0 0 True", "")
