"""How every connection to a SQLite file is set up, whoever made it."""

import sqlite3
import time
from typing import Any, Final

WAIT_S: Final = 5.0
"""For another server's transaction."""
_CACHE_KIB: Final = 256
"""Of a connection; the system caches the file anyway, and each connection's own 2 MB fill only over days."""
_AGAIN_S: Final = 0.01


def prepare(connection: Any) -> None:
    """Readers and a writer beside one another, a commit that does not wait for the disk, and references that hold."""
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Of servers that begin a new file at the same moment one is told at once that it is locked, for how long ever it
    would wait."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_S)
        else:
            return
