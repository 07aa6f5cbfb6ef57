"""A call whose client, or server, is faster than the conversation that is still being loaded."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from backend.ports import Message
from backend.protocol.events import parse_query
from backend.protocol.frames import EventFrame
from backend.session import INBOX, CallSession, SessionLimits
from backend.store.memory import MemoryStore
from tests.support.caller import dialling, event_up, read_down
from tests.support.switchboard import Switchboard, answering


class SlowStore(MemoryStore):
    """Gives and tells nothing before it is let."""

    def __init__(self) -> None:
        super().__init__(20)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def load(self, sid: str, owner: str = "") -> tuple[Message, ...]:
        self.asked.set()
        await self.go.wait()
        return await super().load(sid, owner)

    async def owner(self, sid: str) -> str:
        self.asked.set()
        await self.go.wait()
        return await super().owner(sid)


class HastyLine:
    """A client that sends more than may wait, before the conversation is there."""

    def __init__(self, frames: int, full: asyncio.Event) -> None:
        self._frames = frames
        self._full = full
        self.sent: list[Any] = []

    async def messages(self) -> AsyncIterator[bytes]:
        for number in range(self._frames):
            if number == INBOX:  # for which there is no room
                self._full.set()
            yield event_up("Nonsense")

    async def send(self, data: bytes) -> None:
        self.sent.append(read_down(data))

    async def close(self, code: int, reason: str) -> None:
        """There is nothing to close."""

    def hurry(self) -> None:
        """It is never in the way."""


async def test_a_client_that_sends_more_than_may_wait_before_it_has_joined_is_answered_in_order() -> None:
    store = SlowStore()
    line = HastyLine(2 * INBOX, full=store.go)
    query = parse_query({"sid": "sid-1", "persona": "nobody"})
    async with asyncio.timeout(10):
        await CallSession(line, Switchboard(store=store).services(), query, SessionLimits()).run()

    first, *rest = line.sent
    assert first.event == "BotReady"
    assert "nobody" in rest[0].payload["error"]["message"]
    assert [frame.payload["error"]["code"] for frame in rest] == ["BadEvent"] * (1 + 2 * INBOX)


async def test_the_server_can_end_a_call_whose_inbox_is_full() -> None:
    store, full = SlowStore(), asyncio.Event()
    line = HastyLine(2 * INBOX, full)
    query = parse_query({"sid": "sid-1"})
    session = CallSession(line, Switchboard(store=store).services(), query, SessionLimits())
    async with asyncio.timeout(10):
        running = asyncio.create_task(session.run())
        await full.wait()
        await session.drain()
        session._spent()
        store.go.set()
        await running

    assert line.sent[-1].payload["error"]["code"] == "ShuttingDown"


async def test_a_caller_who_has_passed_the_door_when_the_drain_begins_is_told_too() -> None:
    board = Switchboard(store=(store := SlowStore()))
    async with answering(board), dialling(board.url, sid="sid-1") as caller:
        await store.asked.wait()
        assert board.reception is not None
        draining = asyncio.create_task(board.reception.drain(20))
        await asyncio.sleep(0)  # the drain has begun, and has asked whom it knew
        assert not draining.done()
        store.go.set()
        assert isinstance((await caller.until("BotError"))[-1], EventFrame)
        assert await caller.closed() == (1012, "ShuttingDown")
        await draining
        assert board.reception.calls == 0
