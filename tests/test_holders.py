"""One conversation, two connections: the newer takes over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.holders import Holders
from backend.ports import Message
from backend.protocol.frames import EventFrame
from backend.store.database import Database
from backend.store.kept import KeepLimits, KeptStore
from backend.store.memory import MemoryStore
from tests.support.caller import Caller, dialled
from tests.support.fakes import FakeModel, FakeRecognizer, Hears
from tests.support.switchboard import Switchboard, answering


async def was_told(caller: Caller) -> bool:
    """That a newer connection has the conversation, as the last thing before the close."""
    frames = await caller.until("BotError")
    assert isinstance(frames[-1], EventFrame)
    assert frames[-1].payload["error"]["code"] == "BadSession"
    return await caller.closed() == (1008, "BadSession")


async def test_the_newer_connection_takes_over_and_knows_what_was_said() -> None:
    store = MemoryStore(20)
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["好。"]]), store=store)
    async with answering(board), dialled(board.url, sid="sid-1") as older:
        await older.turn()
        async with dialled(board.url, sid="sid-1") as newer:
            assert await was_told(older)
            assert newer.sid == "sid-1"
            assert await store.load("sid-1") == (Message("user", "你好"), Message("assistant", "好。"))
            await newer.send("BotInterrupt")
            await newer.send("Nonsense")
            assert (await newer.event()).payload["error"]["code"] == "BadEvent"  # it is still on the line


async def test_of_three_the_last_one_stays() -> None:
    async with (
        answering(Switchboard()) as board,
        dialled(board.url, sid="sid-1") as first,
        dialled(board.url, sid="sid-1") as second,
        dialled(board.url, sid="sid-1") as third,
    ):
        assert await was_told(first)
        assert await was_told(second)
        await third.send("Nonsense")
        assert (await third.event()).payload["error"]["code"] == "BadEvent"


async def test_calls_of_different_conversations_leave_each_other_alone() -> None:
    async with answering(Switchboard()) as board, dialled(board.url, sid="a") as one, dialled(board.url, sid="b"):
        await one.send("Nonsense")
        assert (await one.event()).payload["error"]["code"] == "BadEvent"


@asynccontextmanager
async def another_server(file: Path) -> AsyncIterator[tuple[Switchboard, KeptStore]]:
    async def vault() -> Database:
        return Database(f"sqlite+aiosqlite:///{file}")

    store = KeptStore(vault, KeepLimits(first_load_s=30, load_s=30))
    store.start()
    try:
        async with answering(Switchboard(store=store)) as board:
            yield board, store
    finally:
        await store.aclose()


async def test_the_newer_connection_takes_over_from_another_server_of_the_same_database(tmp_path: Path) -> None:
    file = tmp_path / "calls.db"
    async with (
        another_server(file) as (here, _),
        another_server(file) as (there, _),
        dialled(here.url, sid="sid-1") as older,
        dialled(there.url, sid="sid-1") as newer,
    ):
        assert here.reception is not None
        assert there.reception is not None
        watches = [
            asyncio.create_task(board.reception._holders.watch(0.02)) for board in (here, there) if board.reception
        ]
        assert await was_told(older)
        await newer.send("Nonsense")
        assert (await newer.event()).payload["error"]["code"] == "BadEvent"
        for watch in watches:
            watch.cancel()
        await asyncio.wait(watches)  # a question to the database is over before that is closed


class StuckCall:
    """A call that does not end."""

    id, sid = "call-1", "sid-1"

    async def give_up(self) -> None:
        await asyncio.Event().wait()


class Newcomer:
    """A call that takes the conversation up."""

    id, sid = "call-2", "sid-1"

    async def give_up(self) -> None:
        raise AssertionError("nobody came after it")


async def test_a_newcomer_does_not_wait_for_ever_for_a_call_that_does_not_end() -> None:
    holders = Holders(MemoryStore(20))
    await holders.take(StuckCall())
    async with asyncio.timeout(5):
        await holders.take(Newcomer())
