import sqlite3
from pathlib import Path

import pytest

from backend.config.database_url import database_url
from backend.doctor.database import database
from backend.doctor.findings import Finding, Level
from backend.store import sqlite_ways
from backend.store.migrate import migrate
from tests.doctor.sick import only, patient


async def found(url: str) -> list[Finding]:
    return [finding async for finding in database(patient(DATABASE_URL=url))]


async def test_a_database_that_does_not_answer_is_wrong_and_its_password_is_kept() -> None:
    [finding] = await found("postgresql://caller:pass-of-mine@127.0.0.1:1/calls")
    only([finding], Level.WRONG, "cannot be reached")
    assert "pass-of-mine" not in finding.text + finding.remedy


async def test_a_file_that_is_no_database_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "calls.db").write_bytes(b"once upon a time " * 100)
    only(await found(f"sqlite:///{tmp_path}/calls.db"), Level.WRONG, "not a database")


async def test_a_file_that_is_not_there_yet_can_be_made_or_cannot(tmp_path: Path) -> None:
    only(await found(f"sqlite:///{tmp_path}/new/folder/calls.db"), Level.OK, "will be made")
    (tmp_path / "file").touch()
    only(await found(f"sqlite:///{tmp_path}/file/calls.db"), Level.WRONG, "cannot be made")
    assert not (tmp_path / "new").exists()


async def test_tables_of_a_newer_server_are_wrong(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    await migrate(database_url(url)[1])
    only(await found(url), Level.OK, "up to date")
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    only(await found(url), Level.WRONG, "newer server (revision 9999")


async def test_a_database_that_only_reads_is_wrong_with_tables_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_ways, "WAIT_S", 0.1)
    for name, full in (("empty.db", False), ("full.db", True)):
        file = tmp_path / name
        sqlite3.connect(file).close()
        if full:
            await migrate(database_url(f"sqlite:///{file}")[1])
        only(await found(f"sqlite:///{file}"), Level.OK, "writable")
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA journal_mode=DELETE")
            other.execute("BEGIN EXCLUSIVE")  # root may write anything: a lock stands for a right that is missing
            only(await found(f"sqlite:///{file}"), Level.WRONG, "locked")
        other.close()


async def test_examining_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    await migrate(database_url(url)[1])
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        connection.execute(
            "INSERT INTO conversations (sid, persona, holder, began_ms, last_ms) VALUES ('s','','h',1,2)"
        )
        before = list(connection.iterdump())
        connection.commit()
    await found(url)
    assert list(connection.iterdump()) == before
    connection.close()


async def test_memory_forgets() -> None:
    only(await found("memory:"), Level.WARNING, "end with the server")


@pytest.mark.parametrize("url", ["mysql://u:p@127.0.0.1:1/calls"])
async def test_mysql_that_does_not_answer_is_wrong(url: str) -> None:
    only(await found(url), Level.WRONG, "cannot be reached")
