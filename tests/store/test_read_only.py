"""A database of every make that can be read, and will take nothing."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from backend.config.database_url import database_url
from backend.ports import Message
from backend.store import sqlite_ways
from backend.store.database import Database, sqlite_file
from backend.store.kept import KeptStore
from backend.store.records import Record
from tests.store.conftest import Place
from tests.store.test_kept import HELLO, LIMITS, all_written, opened, turn


class Watched(Database):
    """Says when it was asked to write."""

    def __init__(self, url: str, tried: asyncio.Semaphore) -> None:
        super().__init__(url)
        self._tried = tried

    async def write(self, records: Sequence[Record], *, again: bool = False) -> None:
        try:
            await super().write(records, again=again)
        finally:
            self._tried.release()


@asynccontextmanager
async def unwritable(place: Place) -> AsyncIterator[None]:
    """A file that another program has locked; a server as after a failover."""
    if place.server is None:
        other = sqlite3.connect(sqlite_file(database_url(place.url)[1]) or "", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    name = place.url.rpartition("/")[2]
    await asyncio.to_thread(place.server.allow_writing, name, allowed=False)
    try:
        yield
    finally:
        await asyncio.to_thread(place.server.allow_writing, name, allowed=True)


async def test_nothing_is_lost_while_a_database_can_only_be_read(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_ways, "WAIT_S", 0.01)
    tried = asyncio.Semaphore(0)

    async def vault() -> Database:
        return Watched(database_url(place.url)[1], tried)

    store = KeptStore(vault, LIMITS)
    store.start()
    await store.append("sid-1", HELLO, turn(1))
    await all_written(store)
    async with asyncio.timeout(30), unwritable(place):
        for number in range(3):
            await store.append("sid-1", [Message("user", str(number))], turn(number))
        for _ in range(2 * LIMITS.tries + 2):
            await tried.acquire()
        assert store.state == "down"
        assert len(await store.load("sid-1")) == len(HELLO) + 3
    await all_written(store)
    assert store.state == "up"
    await store.aclose()

    async with opened(place) as db:
        assert [message.text for message in (await db.load("sid-1", 9))[2:]] == ["0", "1", "2"]
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == ["store.down"]
