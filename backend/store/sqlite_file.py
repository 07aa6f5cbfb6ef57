"""Scripts carried out in a SQLite file by Python's own module, with the SQL that SQLAlchemy made of the statements.

A transaction is one visit to a thread, in which nearly nothing is done in Python. Through SQLAlchemy it is a visit for
each statement and several milliseconds of the event loop, and the import would be a third of an idle server's memory.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final, cast

from backend.errors import StoreError, StoreRefusedError
from backend.store import sqlite_ways
from backend.store.asking import Answer, Ask, Script, T, Values
from backend.store.worker import Worker

BOOK: Final[Mapping[str, str]] = json.loads(Path(__file__).with_name("sqlite.json").read_text("utf-8"))
_REFUSALS: Final = (
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError),
    *(ValueError, TypeError, ArithmeticError),
)
"""About what was given; a file that is locked, full, broken or for reading only is an `OperationalError` or other."""
_STEPS: Final = 20_000
"""Of SQLite's machine, about a millisecond: how often a question asks whether it is still wanted."""
_FAILURES: Final = (sqlite3.Error, OSError, *_REFUSALS)


class SqliteFile:
    """See `Asked`; nothing is opened before the first question.

    Who reads waits for nobody who writes or reports. Of those who do the same, each waits for the one before: there is
    one connection for each of the three.
    """

    def __init__(self, file: Path) -> None:
        self._reading = _Connection(file, "store-reads", can_stop=True)
        self._reporting = _Connection(file, "store-reports", can_stop=True)
        self._writing = _Connection(file, "store-writes", can_stop=False)

    async def revision(self) -> str | None:
        """See `Asked`."""
        return await self._reading.do(_revision)

    async def read(self, script: Script[T]) -> T:
        """See `Asked`."""
        return await self._reading.do(lambda connection: _carried_out(script, connection))

    async def report(self, script: Script[T]) -> T:
        """See `Asked`."""
        return await self._reporting.do(lambda connection: _carried_out(script, connection))

    async def write(self, script: Script[T]) -> T:
        """See `Asked`."""
        return await self._writing.do(lambda connection: _transaction(script, connection))

    async def aclose(self) -> None:
        """See `Asked`."""
        for connection in (self._reading, self._reporting, self._writing):
            await connection.aclose()


class _Connection:
    """One, and the thread that it is used in. After a failure it is made anew.

    Args:
        can_stop: whether work that nobody waits for any more is broken off, so that the next need not wait for it.
    """

    def __init__(self, file: Path, name: str, *, can_stop: bool) -> None:
        self._file = file
        self._worker = Worker(name)
        self._can_stop = can_stop
        self._connection: sqlite3.Connection | None = None
        self._current: object | None = None
        self._unwanted: object | None = None

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        question = object()  # the same work may be asked for again
        async with _translated():
            try:
                return await self._worker.do(lambda: self._done(question, work))
            except asyncio.CancelledError:
                self._unwanted = question
                raise

    def _is_unwanted(self) -> bool:
        return self._current is not None and self._current is self._unwanted

    async def aclose(self) -> None:
        try:
            if self._connection is not None:
                async with _translated():
                    await self._worker.do(self._let_go)
        finally:
            self._worker.end()

    def _done(self, question: object, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = _opened(self._file)
            if self._can_stop:  # SQLite's own interruption does nothing between two statements, so it is asked for
                self._connection.set_progress_handler(self._is_unwanted, _STEPS)
        self._current = question
        try:
            return work(self._connection)
        except BaseException:
            self._let_go()
            raise
        finally:
            self._current = None

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()  # takes back what was not committed


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except _FAILURES as exc:
        kind = StoreRefusedError if isinstance(exc, _REFUSALS) else StoreError
        raise kind(f"{type(exc).__name__}: {exc}".split("\n", maxsplit=1)[0]) from exc


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=sqlite_ways.WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        sqlite_ways.prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _revision(connection: sqlite3.Connection) -> str | None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
        if cursor.fetchone() is None:
            return None
        row = cursor.execute("SELECT version_num FROM alembic_version").fetchone()
        return cast(str, row[0]) if row else None


def _transaction(script: Script[T], connection: sqlite3.Connection) -> T:
    """A transaction that reads first and locks later fails where another server wrote in between."""
    connection.execute("BEGIN IMMEDIATE")
    result = _carried_out(script, connection)
    connection.execute("COMMIT")
    return result


def _carried_out(script: Script[T], connection: sqlite3.Connection) -> T:
    with closing(connection.cursor()) as cursor:
        try:
            ask = next(script)
            while True:
                ask = script.send(_answer(ask, cursor))
        except StopIteration as ended:
            return cast(T, ended.value)


def _answer(ask: Ask, cursor: sqlite3.Cursor) -> Answer:
    sql = BOOK[ask.statement]
    if isinstance(ask.values, Sequence):
        cursor.executemany(sql, [_plain(row) for row in ask.values])
    else:
        cursor.execute(*_spread(sql, ask.values))
    rows = cursor.fetchall() if cursor.description else ()
    return Answer(rows, cursor.rowcount)


def _plain(row: Values) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}


def _spread(sql: str, values: Values) -> tuple[str, dict[str, Any]]:
    """A list has a place for each of its items."""
    placed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list):
            each = {f"{name}_{number}": item for number, item in enumerate(value)}
            sql = sql.replace(f"__[POSTCOMPILE_{name}]", ", ".join(f":{place}" for place in each))
            placed |= each
        else:
            placed[name] = value
    return sql, placed
