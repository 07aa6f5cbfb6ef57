"""Connections to a database of any make, and what goes wrong with them in our words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backend.errors import StoreError, StoreRefusedError
from backend.store import sqlite_ways

CONNECT_S: Final = 5.0
_CONNECTIONS: Final = 4

_UNFIT: Final = (ValueError, TypeError, ArithmeticError)
"""What a driver raises that cannot put something into the database's words."""
_FAILURES: Final = (SQLAlchemyError, OSError, *_UNFIT)
"""What a database that is down, or that will not take something, raises through SQLAlchemy."""
_REFUSALS: Final = frozenset({"22", "23"})
"""The classes of SQLSTATE that are about data."""


def make_engine(url: str) -> AsyncEngine:
    """An engine for this URL; nothing is connected yet."""
    target = make_url(url)
    kind = target.get_backend_name()
    if kind == "sqlite":
        engine = create_async_engine(target, connect_args={"timeout": sqlite_ways.WAIT_S})
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _lock_at_once)
        return engine
    waits = {"timeout": CONNECT_S} if kind == "postgresql" else {"connect_timeout": CONNECT_S, "charset": "utf8mb4"}
    return create_async_engine(
        target, pool_size=_CONNECTIONS, max_overflow=0, pool_pre_ping=True, pool_recycle=1800, connect_args=waits
    )


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """What a database raises becomes a `StoreError`."""
    try:
        yield
    except _FAILURES as exc:
        reason = getattr(exc, "orig", None) or exc
        kind = StoreRefusedError if _is_refusal(exc) else StoreError
        raise kind(f"{type(reason).__name__}: {reason}".split("\n", maxsplit=1)[0]) from exc


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return isinstance(error, IntegrityError | DataError) or state[:2] in _REFUSALS
    return isinstance(error, (StatementError, *_UNFIT))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _lock_at_once
    sqlite_ways.prepare(connection)


def _lock_at_once(connection: Connection) -> None:
    """A transaction that reads first and locks later fails where another server wrote in between."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
