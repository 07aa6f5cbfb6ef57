"""The SQLite file without SQLAlchemy: the same statements, the same answers."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from backend.errors import StoreError
from backend.ports import Message, TurnBill, TurnRef
from backend.store import sqlite_file, sqlite_ways, statements
from backend.store.alchemy import Alchemy
from backend.store.asking import Ask, Script
from backend.store.charges import newest
from backend.store.database import Database
from backend.store.head import HEAD
from backend.store.migrate import migrate
from backend.store.records import Billed, Claimed, Folded, Said, lines
from backend.store.sqlite_file import SqliteFile
from backend.store.voice_rows import VoiceWish
from backend.store.worker import Worker
from backend.voices.stock import stock

T = TypeVar("T")
REF = TurnRef("call-1", 1)
SAID = (Message("user", "你好"), Message("assistant", "你好！😀"))
RECORDS = (
    Claimed("sid", REF),
    Said("sid", REF, lines(SAID, "")),
    Said("sid", REF, lines((*SAID[:1], Message("assistant", "那")), "那个……")),
    Billed("sid", REF, TurnBill("answered", "", {"done": 2100}, {"prompt_tokens": 900})),
    Folded("sid", REF, "summary", 2),
)


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    await migrate(f"sqlite+aiosqlite:///{tmp_path}/calls.db")
    return tmp_path / "calls.db"


def content(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("conversations", "messages", "turns", "voices")
        }


def test_the_sql_is_what_sqlalchemy_makes_of_the_statements() -> None:
    made = json.loads(statements.SQLITE.read_text("utf-8"))
    assert made == statements.for_sqlite(), "run python -m backend.store.statements"


async def test_both_ways_to_a_file_write_and_read_the_same(file: Path) -> None:
    contents, pasts, voices = [], [], []
    for options in ("", "?timeout=9"):
        database = Database(f"sqlite+aiosqlite:///{file}{options}")
        await database.write(RECORDS)
        await database.write(RECORDS, again=True)
        pasts.append(await database.load("sid", 20))
        await database.voices.add(stock(5))
        await database.voices.change("dashscope.longhua_v2", {"enabled": False})
        voices.append(await database.voices.find(VoiceWish(language="en", enabled=True), 1, 3))
        contents.append(content(file))
        assert await database.forget("sid")
        for row in stock(5):
            assert await database.voices.drop(row.id)
        await database.aclose()

    assert pasts[0] == pasts[1] != ()
    assert voices[0] == voices[1]
    assert contents[0] == contents[1]
    assert len(contents[0]["messages"]) == 4


def test_only_a_file_named_without_options_goes_the_short_way(tmp_path: Path) -> None:
    ways = {
        "sqlite+aiosqlite:///calls.db": SqliteFile,
        f"sqlite+aiosqlite:///{tmp_path}/calls.db": SqliteFile,
        "sqlite+aiosqlite:///calls.db?timeout=9": Alchemy,
        "sqlite+aiosqlite:///:memory:": Alchemy,
        "postgresql+asyncpg://caller@localhost/calls": Alchemy,
    }
    assert {url: type(Database(url)._asked) for url in ways} == ways


async def test_what_fails_leaves_nothing_behind_and_the_next_try_is_heard(file: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{file}")
    refused = replace(RECORDS[1], lines=(replace(RECORDS[1].lines[0], key=None),))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="IntegrityError: NOT NULL"):
        await database.write((RECORDS[0], refused))
    assert content(file)["conversations"] == []
    await database.write(RECORDS)
    assert len(content(file)["messages"]) == 4
    await database.aclose()


async def test_the_turns_of_several_calls_are_one_visit_to_one_thread(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = list[Callable[[], object]]()

    class Counting(Worker):
        async def do(self, work: Callable[[], T]) -> T:
            visits.append(work)
            return await super().do(work)

    monkeypatch.setattr(sqlite_file, "Worker", Counting)
    database = Database(f"sqlite+aiosqlite:///{file}")
    turns = [Said(f"sid-{call}", REF, lines(SAID, "")) for call in range(20)]
    await database.write(turns)
    assert len(visits) == 1
    await database.aclose()


async def test_a_file_that_there_can_be_no_folder_for_is_a_database_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/folder/calls.db")
    with pytest.raises(StoreError, match="FileExistsError"):
        await database.open()
    await database.aclose()


async def test_who_reads_waits_for_nobody_who_writes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_ways, "WAIT_S", 0.05)
    database = Database(f"sqlite+aiosqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await database.write(RECORDS)
        assert await database.load("sid", 20) == ()
    await database.write(RECORDS)
    assert len(await database.load("sid", 20)) == 3
    await database.aclose()


async def test_a_write_that_nobody_waits_for_any_more_does_not_mix_with_the_next(file: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(database.write(RECORDS), 0.05)
        other.execute("COMMIT")
    await database.write(RECORDS, again=True)
    assert len(content(file)["messages"]) == 4
    await database.aclose()


def endless(running: threading.Event) -> Script[None]:
    yield Ask("owner", {"sid": "sid"})
    running.set()
    yield Ask("endless", {})


@pytest.mark.parametrize("way", ["read", "report"])
async def test_what_nobody_waits_for_any_more_is_broken_off(
    file: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    monkeypatch.setattr(sqlite_file, "BOOK", {**sqlite_file.BOOK, "endless": count})
    asked, running = SqliteFile(file), threading.Event()
    ask = asked.report if way == "report" else asked.read
    async with asyncio.timeout(30):
        unwanted = asyncio.create_task(ask(endless(running)))
        await asyncio.to_thread(running.wait, 30)
        if way == "report":
            assert await asked.revision() == HEAD, "who reads does not wait for it"
        unwanted.cancel()
        assert await ask(newest()) == 0
    await asked.aclose()


async def test_a_worker_does_one_thing_after_another_and_skips_what_nobody_waits_for() -> None:
    worker, gate, done = Worker("test"), threading.Event(), list[int]()
    first = asyncio.create_task(worker.do(gate.wait))
    unwanted = asyncio.create_task(worker.do(lambda: done.append(1)))
    await asyncio.sleep(0)
    unwanted.cancel()
    last = asyncio.create_task(worker.do(lambda: done.append(2)))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, last)
    worker.end()
    assert done == [2]
    with pytest.raises(ZeroDivisionError):
        await worker.do(lambda: 1 // 0)
    worker.end()
