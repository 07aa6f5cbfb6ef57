"""How every connection to a SQLite file is set up, whoever made it."""

from typing import Any, Final

WAIT_S: Final = 5.0
"""For another server's transaction."""
_CACHE_KIB: Final = 256
"""Of a connection; the system caches the file anyway, and each connection's own 2 MB fill only over days."""


def prepare(connection: Any) -> None:
    """Readers and a writer beside one another, a commit that does not wait for the disk, and references that hold."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
