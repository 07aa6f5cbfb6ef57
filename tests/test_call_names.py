"""Who comes back names the call: nobody is put on another one, though it is of the same conversation."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.connections.kept_line import KeptLine, ResumeLimits
from backend.connections.resumption import Resumption
from backend.protocol.frames import Framing
from backend.protocol.position import Bookmark, Position
from backend.store.memory import MemoryStore
from tests.connections.test_kept_line import Flood
from tests.support.caller import names
from tests.support.fakes import FakeModel
from tests.support.switchboard import Switchboard, answering
from tests.test_resume import SID, coming, cut, go, held, in_a_reply, left, refused, went_on


def replies(count: int) -> Switchboard:
    return Switchboard(model=FakeModel([["好的。"]] * count))


async def test_an_old_client_is_not_put_on_the_call_that_began_after_its_own() -> None:
    async with answering(replies(3)) as board, coming(board.url, "true") as (old, begun):
        await in_a_reply(old)
        cut(old)
        async with coming(board.url, "true") as (newer, later):
            assert later["resume"]["call"] != begun["resume"]["call"]
            await in_a_reply(newer)
            await newer.until("TTSDone")
            async with coming(board.url, left("1:3", begun)) as (late, ready):
                assert refused(ready) == "unknown"
                assert (await newer.event()).payload["error"]["code"] == "BadSession"
                await late.send("UserText", {"text": "我回来了"})
                came = await late.until("TTSDone")
                assert names(came) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
                assert came[0].payload == {"sentence": "我回来了"}  # type: ignore[union-attr]


async def test_the_old_clients_new_call_has_what_was_said_in_the_conversation() -> None:
    async with answering(replies(3)) as board, coming(board.url, "true") as (old, begun):
        await in_a_reply(old)
        await old.until("TTSDone")
        cut(old)
        async with coming(board.url, "true") as (newer, _):
            await in_a_reply(newer)
            await newer.until("TTSDone")
            async with coming(board.url, left("1:3", begun)) as (late, _):
                await in_a_reply(late)
        assert isinstance(board.model, FakeModel)
        assert [message.text for message in board.model.asked[-1]] == ["在吗", "好的。", "在吗", "好的。", "在吗"]


@pytest.mark.parametrize("guess", [":AAAAAAAAAAAAAAAA", ":another-calls-name"], ids=["guess", "longer"])
async def test_without_its_name_a_call_is_not_resumed_but_followed_by_a_new_one(guess: str) -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, _):
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, f"1:3{guess}") as (again, ready):
            assert refused(ready) == "unknown"
            go(board)
            await again.send("UserText", {"text": "还在吗"})
            assert names(await again.until("TTSDone")) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
        assert isinstance(board.store, MemoryStore)
        assert [message.text for message in await board.store.load(SID)] == ["在吗", "还在吗", "再说。"]


async def test_the_only_call_of_a_conversation_need_not_be_named() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, begun):
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, "1:3") as (again, ready):
            await went_on(again, begun, ready, board)


@pytest.mark.parametrize("ends", [True, False], ids=["it-ended", "it-was-replaced"])
async def test_where_another_call_could_be_meant_one_has_to_be_named(ends: bool) -> None:
    async with answering(replies(4)) as board, coming(board.url, "true") as (old, _):
        await in_a_reply(old)
        if ends:
            await old.socket.close()
        else:
            cut(old)
        async with coming(board.url, "true") as (newer, begun):
            await in_a_reply(newer)
            await newer.until("TTSDone")
            cut(newer)
            async with coming(board.url, "1:3") as (_, ready):
                assert refused(ready) == "unknown"
                assert ready["resume"]["call"] != begun["resume"]["call"]


def test_a_call_need_not_be_named_once_nobody_comes_back_to_the_one_before() -> None:
    now = [0.0]
    resumption = Resumption(ResumeLimits(seconds=30), clock=lambda: now[0])
    found = []
    for began in (0.0, 29.0, 100.0):
        now[0] = began
        line = KeptLine(Flood(b""), Framing.SIZED, ResumeLimits())
        resumption.enter(SID, line)
        found.append(resumption.find(SID, Bookmark(Position())) is line)
        resumption.leave(line)
    assert found == [True, False, True]


async def test_a_new_call_in_place_of_another_can_itself_be_resumed() -> None:
    async with answering(held()) as board, coming(board.url, "1:3") as (caller, begun):
        assert refused(begun) == "unknown"
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, left("1:3", begun)) as (again, ready):
            first = {key: value for key, value in begun["resume"].items() if key != "refused"}
            await went_on(again, {**begun, "resume": first}, ready, board)


async def test_a_call_keeps_its_name_however_often_its_client_comes_back() -> None:
    async with answering(held()) as board, AsyncExitStack() as stack:
        caller, begun = await stack.enter_async_context(coming(board.url, "true"))
        await in_a_reply(caller)
        for _ in range(3):
            cut(caller)
            caller, ready = await stack.enter_async_context(coming(board.url, left("1:3", begun)))
            assert ready["resume"]["call"] == begun["resume"]["call"]


async def test_another_server_does_not_know_the_name_though_it_has_a_call_of_the_conversation() -> None:
    """As after a restart: what a process had in memory is gone, and so are its calls' names."""
    store = MemoryStore(20)
    async with (
        answering(replace(held(), store=store)) as one,
        answering(replace(held(), store=store)) as other,
        coming(one.url, "true") as (caller, begun),
        coming(other.url, "true") as (neighbour, _),
    ):
        await asyncio.gather(in_a_reply(caller), in_a_reply(neighbour))
        async with coming(other.url, left("1:3", begun)) as (_, ready):
            assert refused(ready) == "unknown"


NAMES = st.text("aZ0-_", min_size=8, max_size=64) | st.just("")


@given(st.lists(NAMES, max_size=5), st.integers(0, 2), st.integers(0, 2))
def test_only_the_newest_calls_own_name_finds_its_line(others: list[str], turn: int, frame: int) -> None:
    resumption = Resumption(ResumeLimits())
    older, newer = (KeptLine(Flood(b""), Framing.SIZED, ResumeLimits()) for _ in range(2))
    for line in (older, newer):
        resumption.enter(SID, line)
    for name in {*others, older.call} - {newer.call}:
        assert resumption.find(SID, Bookmark(Position(turn, frame), name)) is None
    assert resumption.find(SID, Bookmark(Position(), newer.call)) is newer
    assert resumption.find("another", Bookmark(Position(), newer.call)) is None
