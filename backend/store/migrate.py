"""Brings a database to the newest shape: the first server does it, others that start at the same time wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

_STEPS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = "live_voice_call.migrations"
_LOCK_NUMBER: Final = 0x6C76_635F
_LOCK_WAIT_S: Final = 60


def upgrade(connection: Connection) -> None:
    """Take the steps that are missing, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.attributes["connection"] = connection
    with _alone(connection):
        command.upgrade(config, "head")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """While no other server migrates. SQLite's transaction, which began by locking the file, is its lock."""
    kind = connection.dialect.name
    if kind == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield
    elif kind in {"mysql", "mariadb"}:
        # a schema change ends a transaction there, so the lock is the connection's
        connection.execute(text("SELECT GET_LOCK(:name, :wait_s)"), {"name": _LOCK, "wait_s": _LOCK_WAIT_S})
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})
    else:
        yield
