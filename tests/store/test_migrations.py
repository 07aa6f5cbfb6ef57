"""The tables, as the migrations make them in each database."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from backend.config.database_url import database_url
from backend.errors import StoreError
from backend.store import migrate
from backend.store.database import Database
from backend.store.engine import make_engine
from backend.store.head import HEAD
from backend.store.schema import metadata
from tests.store.conftest import Place
from tests.store.servers import DatabaseServer

ROOT = Path(__file__).resolve().parents[2]


def columns(connection: Connection) -> dict[str, dict[str, bool]]:
    tables = inspect(connection)
    return {
        table: {column["name"]: column["nullable"] for column in tables.get_columns(table)}
        for table in tables.get_table_names()
        if table != "alembic_version"
    }


async def test_the_tables_are_those_that_the_server_reads_and_writes(place: Place) -> None:
    engine = make_engine(database_url(place.url)[1])
    async with engine.connect() as connection:
        made = await connection.run_sync(columns)
    await engine.dispose()

    assert made == {
        name: {column.name: bool(column.nullable) for column in table.columns}
        for name, table in metadata.tables.items()
    }


def test_the_newest_migration_is_the_one_that_the_server_asks_for() -> None:
    assert ScriptDirectory(str(ROOT / "backend/store/migrations")).get_current_head() == HEAD


async def test_a_second_migration_finds_nothing_to_do(place: Place) -> None:
    await migrate.migrate(database_url(place.url)[1])


async def test_the_tables_of_a_newer_server_are_left_alone(place: Place) -> None:
    engine = make_engine(database_url(place.url)[1])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    db = Database(database_url(place.url)[1])
    with pytest.raises(StoreError, match="9999"):
        await db.open()
    assert await db.revision() == "9999"
    await db.aclose()


def test_nobody_migrates_without_the_lock(mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database_url(mariadb.url("calls_locked"))[1]
    monkeypatch.setattr(migrate, "_LOCK_WAIT_S", 0.2)

    async def run() -> None:
        engine = make_engine(url)
        async with engine.connect() as other:
            await other.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": migrate._LOCK})
            with pytest.raises(StoreError, match=r"another server has been changing the tables for 0\.2 s"):
                await migrate.migrate(url)
            assert await other.run_sync(columns) == {}
            await other.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": migrate._LOCK})
            await migrate.migrate(url)
            await other.rollback()
            assert await other.run_sync(columns) != {}
        await engine.dispose()

    asyncio.run(run())


def test_the_migration_says_in_one_line_why_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    ended = subprocess.run(
        [sys.executable, "-m", "backend.store.migrate"],
        input=f"sqlite+aiosqlite:///{tmp_path}/no-folder/calls.db",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ended.returncode == 1
    assert ended.stdout == "OperationalError: unable to open database file\n"


def test_a_migration_that_was_waited_for_by_another_is_done_once(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/calls.db"

    async def both() -> None:
        await asyncio.gather(*(migrate.migrate(url) for _ in range(3)))

    asyncio.run(both())
