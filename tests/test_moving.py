"""A server is told to end, and its callers go on with another of the same database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.ports import Message
from backend.store.database import Database
from backend.store.kept import KeptStore
from backend.store.vault import KeepLimits
from tests.support.caller import dialled
from tests.support.fakes import FakeModel
from tests.support.switchboard import Switchboard, answering


@asynccontextmanager
async def a_server(file: Path, *replies: str, linger_s: float = 0.05) -> AsyncIterator[Switchboard]:
    async def vault() -> Database:
        return Database(f"sqlite+aiosqlite:///{file}")

    store = KeptStore(vault, KeepLimits(first_load_s=30, load_s=30, linger_s=linger_s))
    store.start()
    try:
        async with answering(Switchboard(model=FakeModel([[reply] for reply in replies]), store=store)) as board:
            yield board
    finally:
        await store.aclose()


async def test_who_is_sent_away_finds_the_last_turn_at_the_next_server(tmp_path: Path) -> None:
    file = tmp_path / "calls.db"
    async with a_server(file, "好。", linger_s=0.3) as here, a_server(file, "还是好。") as there:
        async with dialled(here.url, sid="sid-1") as caller:
            await caller.send("UserText", {"text": "你好"})
            await caller.until("TTSDone")
            assert here.reception is not None
            draining = asyncio.create_task(here.reception.drain(5))
            assert (await caller.closed())[0] == 1012
        async with dialled(there.url, sid="sid-1") as caller:  # as soon as the other one has hung up
            await caller.send("UserText", {"text": "还在吗"})
            await caller.until("TTSDone")

        await draining

    assert isinstance(there.model, FakeModel)
    assert there.model.asked[0][:2] == (Message("user", "你好"), Message("assistant", "好。"))


async def test_nobody_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    async def vault() -> Database:
        return Database("postgresql+asyncpg://caller@127.0.0.1:1/calls")

    store = KeptStore(vault, KeepLimits(load_s=0.2))
    store.start()
    async with answering(Switchboard(model=FakeModel([["好。"]]), store=store)) as board, dialled(board.url) as caller:
        await caller.send("UserText", {"text": "你好"})
        await caller.until("TTSDone")
        assert board.reception is not None
        await board.reception.drain(5)
        assert (await caller.closed())[0] == 1012
    await store.aclose()
