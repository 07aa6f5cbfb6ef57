"""One conversation, two connections: the newer takes over."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.connections.holders import Holders
from backend.ports import Message
from backend.protocol.events import parse_query
from backend.protocol.frames import EventFrame
from backend.session import CallSession, SessionLimits
from backend.store.database import Database
from backend.store.kept import KeptStore
from backend.store.memory import MemoryStore
from backend.store.vault import KeepLimits
from backend.token import sign
from tests.support.caller import Caller, dialled, dialling
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

    id, sid, owner = "call-1", "sid-1", ""

    async def give_up(self) -> None:
        await asyncio.Event().wait()


class Newcomer:
    """A call that takes the conversation up."""

    id, sid, owner = "call-2", "sid-1", ""

    async def give_up(self) -> None:
        raise AssertionError("nobody came after it")


async def test_a_newcomer_does_not_wait_for_ever_for_a_call_that_does_not_end() -> None:
    holders = Holders(MemoryStore(20))
    await holders.take(StuckCall())
    async with asyncio.timeout(5):
        await holders.take(Newcomer())


class AnsweringLate(MemoryStore):
    """Tells who holds a conversation as it was when it was asked."""

    def __init__(self, holder: str) -> None:
        super().__init__(20)
        self.asked = asyncio.Event()
        self.asked_again = asyncio.Event()
        self.go = asyncio.Event()
        self._holder = holder

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        (self.asked_again if self.asked.is_set() else self.asked).set()
        await self.go.wait()
        return {} if self.asked_again.is_set() else dict.fromkeys(sids, self._holder)


class Leaver(Newcomer):
    """A call that ends when it is told to."""

    id = "call-1"

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def give_up(self) -> None:
        self.told.set()


@pytest.mark.parametrize("holder", ["call-1", "call-of-another-server"])
async def test_an_answer_from_before_it_came_does_not_end_a_newcomer(holder: str) -> None:
    store = AnsweringLate(holder)
    holders, older = Holders(store), Leaver()
    await holders.take(older)
    watch = asyncio.create_task(holders.watch(0))
    async with asyncio.timeout(5):
        await store.asked.wait()
        await holders.take(Newcomer())
        store.go.set()
        again = asyncio.create_task(store.asked_again.wait())
        await asyncio.wait([again, watch], return_when=asyncio.FIRST_COMPLETED)
    assert not watch.done()
    watch.cancel()
    await asyncio.wait([watch])


async def test_a_call_whose_conversation_another_server_has_is_ended() -> None:
    store, older = AnsweringLate("call-of-another-server"), Leaver()
    holders = Holders(store)
    await holders.take(older)
    store.go.set()
    watch = asyncio.create_task(holders.watch(0))
    async with asyncio.timeout(5):
        await older.told.wait()
    watch.cancel()
    await asyncio.wait([watch])


async def refused_as_others(url: str, token: str, sid: str) -> bool:
    async with dialling(url, headers={"Authorization": f"Bearer {token}"}, sid=sid) as stranger:
        told = (await stranger.event()).payload["error"]
        assert told["message"] == "this conversation belongs to somebody else"
        return told["code"] == "BadSession" and await stranger.closed() == (1008, "BadSession")


async def test_a_conversation_is_taken_over_only_with_a_token_of_the_one_who_began_it() -> None:
    """Also a weak `sid`, which a client chose, is no use to who guesses it."""
    secret = "a-secret-of-32-characters-or-more"
    ann, again, bob = (sign(secret, seconds=60, user=user) for user in ("ann", "ann", "bob"))
    model = FakeModel([["好。"], ["嗯。"]])
    board = Switchboard(
        FakeRecognizer(Hears("你好")), model, door=Door(AccessSettings(token_secrets=(secret,))), store=MemoryStore(20)
    )
    async with answering(board):
        async with dialled(board.url, headers={"Authorization": f"Bearer {ann}"}, sid="1") as caller:
            await caller.turn()
            assert await refused_as_others(board.url, bob, "1")
            await caller.send("Nonsense")
            assert (await caller.event()).payload["error"]["code"] == "BadEvent"  # she is still on the line
        async with dialled(board.url, headers={"Authorization": f"Bearer {again}"}, sid="1") as caller:
            assert caller.sid == "1"
        assert await refused_as_others(board.url, bob, "1")


def test_ids_that_the_server_makes_cannot_be_guessed() -> None:
    """122 bits of the system's randomness."""
    made = {CallSession(*anonymous()).sid for _ in range(200)}

    assert len(made) == 200
    numbers = [uuid.UUID(sid) for sid in made]
    assert {number.version for number in numbers} == {4}
    for bit in set(range(128)) - {*range(62, 64), *range(76, 80)}:  # all but those that say the version
        ones = sum(number.int >> bit & 1 for number in numbers)
        assert 40 < ones < 160, f"bit {bit} is {ones} times 1 in 200"


def anonymous() -> tuple[Any, ...]:
    line: Any = None
    return line, Switchboard().services(), parse_query({}), SessionLimits()
