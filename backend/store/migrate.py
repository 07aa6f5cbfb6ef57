"""Brings a database to the newest shape: the first server does it, others that start at the same time wait for it.

A program of its own, `python -m backend.store.migrate` with the URL on standard input: what it needs is needed once,
and would stay in the server's memory.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from backend.errors import StoreError
from backend.store.engine import make_engine, translated

_STEPS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = "live_voice_call.migrations"
_LOCK_NUMBER: Final = 0x6C76_635F
_LOCK_WAIT_S = 60.0


async def migrate(url: str) -> None:
    """Take the steps that are missing.

    Raises:
        StoreError: the database is down, or of a newer server.
    """
    engine = make_engine(url)
    try:
        async with translated(), engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def upgrade(connection: Connection) -> None:
    """Take the steps that are missing, inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.attributes["connection"] = connection
    with _alone(connection):
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            raise StoreError(f"the tables are not what this server knows: {exc}") from exc


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """While no other server migrates. SQLite's transaction, which began by locking the file, is its lock."""
    kind = connection.dialect.name
    if kind == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield
    elif kind in {"mysql", "mariadb"}:
        # a schema change ends a transaction there, so the lock is the connection's
        _lock(connection)
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})
    else:
        yield


def _lock(connection: Connection) -> None:
    """Be the one who migrates, in a database server whose locks are those of names.

    Raises:
        StoreError: another one has been at it for too long; the server that is told so tries again.
    """
    asked = {"name": _LOCK, "wait_s": _LOCK_WAIT_S}
    if connection.execute(text("SELECT GET_LOCK(:name, :wait_s)"), asked).scalar() != 1:
        reason = f"another server has been changing the tables for {_LOCK_WAIT_S:g} s"
        raise StoreError(f"{reason}, or holds the lock {_LOCK}: see SHOW PROCESSLIST")


def main() -> int:
    """Migrate the database whose URL is on standard input; the exit status. Standard output says why it failed."""
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(migrate(sys.stdin.read()))
    except StoreError as exc:
        print(exc)  # what a driver's threads say at the end goes elsewhere
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
