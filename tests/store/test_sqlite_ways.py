"""How a SQLite file is begun."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from backend.store import sqlite_ways


class Contested:
    """A connection to a file whose log another server is beginning just now."""

    def __init__(self, file: Path, refusals: int, error: str = "database is locked") -> None:
        self._connection = sqlite3.connect(file)
        self._refusals = refusals
        self._error = error

    def cursor(self) -> Any:
        return self

    def execute(self, statement: str) -> Any:
        if "journal_mode" in statement and self._refusals:
            self._refusals -= 1
            raise sqlite3.OperationalError(self._error)
        return self._connection.execute(statement)

    def close(self) -> None:
        pass


def test_who_begins_a_file_together_with_another_server_tries_again(tmp_path: Path) -> None:
    connection = Contested(tmp_path / "calls.db", refusals=3)

    sqlite_ways.prepare(connection)

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_another_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
        sqlite_ways.prepare(Contested(tmp_path / "calls.db", refusals=1, error="disk I/O error"))


def test_nobody_waits_for_a_lock_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_ways, "WAIT_S", 0.02)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite_ways.prepare(Contested(tmp_path / "calls.db", refusals=10**9))
