"""A client whose connection was cut comes back, and goes on where it was."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.connections.kept_line import ResumeLimits
from backend.ports import ChatItem, Message, Sound, TextDelta
from backend.protocol.frames import AudioFrame, EventFrame
from backend.session import CallSession
from backend.store.memory import MemoryStore
from tests.support.caller import Caller, dialled, dialling, names
from tests.support.cuts import Client, Exchange, exchange
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.switchboard import Switchboard, answering
from tests.support.virtual import virtually

SID = "sid-1"


class PausingModel(FakeModel):
    """Says one piece, and the others once it may."""

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        first, *others = self.replies.pop(0)
        yield TextDelta(str(first))
        await self.go.wait()
        for piece in others:
            yield TextDelta(str(piece))


class LoudSynthesizer(FakeSynthesizer):
    """More sound in one piece than a connection takes that nobody reads."""

    def sound_of(self, text: str) -> list[Sound]:
        return [Sound(bytes(8_000_000))]


def held(**more: Any) -> Switchboard:
    """A reply whose first sentence is sent, and whose second waits for `model.go`."""
    return Switchboard(model=PausingModel([["我想想。", "好的。"], ["再说。"]]), **more)


def refused(ready: dict[str, Any]) -> str:
    """Why a new call began, which stands at its beginning."""
    resume = ready["resume"]
    assert (resume["turn"], resume["frame"]) == (0, 0)
    return str(resume["refused"])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def calls(board: Switchboard) -> int:
    assert board.reception is not None
    return board.reception.calls


@asynccontextmanager
async def coming(url: str, resume: str, turn_ids: str = "false") -> AsyncIterator[tuple[Caller, dict[str, Any]]]:
    """A connection, and what its BotReady says."""
    async with dialling(url, sid=SID, resume=resume, turn_ids=turn_ids) as caller:
        yield caller, (await caller.event()).payload


def cut(caller: Caller) -> None:
    """The network is gone, and nobody said goodbye."""
    caller.socket.transport.abort()


async def in_a_reply(caller: Caller) -> list[EventFrame | AudioFrame]:
    """Ask, and take the first sentence: frames 1 to 3 of turn 1."""
    await caller.send("UserText", {"text": "在吗"})
    return [await caller.next() for _ in range(3)]


def go(board: Switchboard) -> None:
    assert isinstance(board.model, FakeModel)
    board.model.go.set()


def left(at: str, ready: dict[str, Any]) -> str:
    """A place in the call of this BotReady."""
    return f"{at}:{ready['resume']['call']}"


async def went_on(caller: Caller, begun: dict[str, Any], again: dict[str, Any], board: Switchboard) -> None:
    """It is the same call, and the rest of the turn comes, once."""
    assert again == {"session": SID, "resume": {**begun["resume"], "turn": 1, "frame": 3}}
    go(board)
    assert names(await caller.until("TTSDone")) == ["TTSSentenceStart", "audio", "TTSDone"]


async def test_who_asks_is_told_that_the_call_will_wait_and_where_it_stands() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (_, ready):
        call = ready["resume"]["call"]
        assert ready == {"session": SID, "resume": {"turn": 0, "frame": 0, "seconds": 30.0, "call": call}}
        assert re.fullmatch(r"[A-Za-z0-9_-]{16}", call)


async def test_the_rest_of_the_reply_comes_to_who_comes_back() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, begun):
        assert names(await in_a_reply(caller)) == ["SentenceRecognized", "TTSSentenceStart", "audio"]
        cut(caller)
        async with coming(board.url, left("1:3", begun)) as (again, ready):
            await went_on(again, begun, ready, board)


async def test_what_was_lost_on_the_way_comes_again_under_its_number() -> None:
    async with answering(held()) as board, coming(board.url, "true", turn_ids="true") as (caller, begun):
        first = await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, left("1:1", begun)) as (again, ready):
            assert (ready["resume"]["turn"], ready["resume"]["frame"]) == (1, 1)
            assert [await again.next() for _ in range(2)] == first[1:]
            go(board)
            assert [frame.turn for frame in await again.until("TTSDone")] == [1, 1, 1]


async def test_a_connection_that_seems_to_live_gives_way_and_is_told() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, begun):
        await in_a_reply(caller)
        async with coming(board.url, left("1:3", begun)) as (again, ready):
            error = await caller.event()
            assert error.payload["error"]["code"] == "BadSession"
            assert await caller.closed() == (1008, "BadSession")
            await went_on(again, begun, ready, board)


async def test_a_client_that_does_not_read_is_let_go_of_and_may_come_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "backend")
    board = held(blocked_write_s=1.5, synthesizer=LoudSynthesizer(), resume=ResumeLimits(max_bytes=64_000_000))
    async with answering(board), coming(board.url, "true") as (caller, begun):
        caller.socket.transport.pause_reading()
        await caller.send("UserText", {"text": "在吗"})
        await until(lambda: caplog.messages.count("call.cut") == 1)
        assert "line.blocked" in caplog.messages
        go(board)
        async with coming(board.url, left("1:1", begun)) as (again, ready):
            assert ready["resume"]["frame"] == 1
            came = await again.until("TTSDone")
            assert names(came) == ["TTSSentenceStart", "audio"] * 2 + ["TTSDone"]


async def test_where_nobody_waits_a_new_call_begins_and_says_so() -> None:
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["好。"]]))
    async with answering(board), coming(board.url, "3:7:a-call-of-yesterday") as (caller, ready):
        assert refused(ready) == "unknown"
        assert ready["resume"]["call"] != "a-call-of-yesterday"
        assert names(await caller.turn())[-1] == "TTSDone"


async def test_a_frame_that_is_gone_ends_the_old_call_and_begins_a_new_one() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, begun):
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, left("1:99", begun)) as (again, ready):
            assert refused(ready) == "gone"
            assert ready["resume"]["call"] != begun["resume"]["call"]
            go(board)
            await again.send("UserText", {"text": "还在吗"})
            assert names(await again.until("TTSDone")) == ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
        assert isinstance(board.store, MemoryStore)
        said = [message.text for message in await board.store.load(SID)]
        assert said == ["在吗", "还在吗", "再说。"]


async def test_who_says_goodbye_has_hung_up() -> None:
    async with answering(held()) as board:
        async with coming(board.url, "true") as (caller, begun):
            await in_a_reply(caller)
        async with coming(board.url, left("1:3", begun)) as (_, ready):
            assert refused(ready) == "unknown"


async def test_who_did_not_ask_is_not_waited_for() -> None:
    async with answering(held()) as board, dialled(board.url, sid=SID) as caller:
        await in_a_reply(caller)
        cut(caller)
        await until(lambda: not calls(board))
        async with coming(board.url, "1:3:a-call-of-yesterday") as (_, ready):
            assert refused(ready) == "unknown"


async def test_a_server_may_do_without() -> None:
    async with answering(held(resume=ResumeLimits(seconds=0))) as board, coming(board.url, "true") as (_, ready):
        assert ready == {"session": SID}


async def test_a_wrong_wish_is_told_and_ignored() -> None:
    async with answering(held()) as board, coming(board.url, "later") as (caller, ready):
        assert ready == {"session": SID}
        assert (await caller.event()).payload["error"]["code"] == "BadEvent"


async def test_a_full_server_lets_its_own_caller_come_back() -> None:
    async with answering(held(max_calls=1)) as board, coming(board.url, "true") as (caller, begun):
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, left("1:3", begun)) as (again, ready):
            await went_on(again, begun, ready, board)


async def test_a_reply_can_be_stopped_after_the_return() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, begun):
        await in_a_reply(caller)
        cut(caller)
        async with coming(board.url, left("1:3", begun)) as (again, _):
            await again.send("BotInterrupt")
            assert names(await again.until("TTSDone")) == ["TTSDone"]


async def test_a_new_call_of_the_conversation_ends_the_one_that_waits() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, _):
        await in_a_reply(caller)
        cut(caller)
        async with dialled(board.url, sid=SID):
            await until(lambda: calls(board) == 1)
            assert await board.store.load(SID) == (Message("user", "在吗"),)


async def test_a_server_that_is_about_to_stop_waits_for_nobody() -> None:
    async with answering(held()) as board, coming(board.url, "true") as (caller, _):
        await in_a_reply(caller)
        cut(caller)
        assert board.reception is not None
        async with asyncio.timeout(5):
            await board.reception.drain(4)
        assert board.reception.calls == 0


# --- on a clock that jumps


def state_of(session: CallSession) -> str:
    return session._call.state.name


async def heard(ex: Exchange, client: Client, until: str) -> list[str]:
    """Take frames up to and with the first of this event."""
    came: list[EventFrame | AudioFrame] = []
    while names(came)[-1:] != [until]:
        data = await ex.connection.arrived.get()
        assert data is not None
        came.append(client.take(data))
    return names(came)


async def asked(ex: Exchange, client: Client) -> None:
    """In a reply that is being spoken."""
    await heard(ex, client, "BotReady")
    ex.connection.tell(b'\x11\x10\x10\x00{"event":"UserText","payload":{"text":"1"}}')
    await heard(ex, client, "audio")


def test_nobody_comes_back_and_the_turn_ends_with_what_was_heard() -> None:
    async def call() -> None:
        async with exchange() as ex:
            client = Client()
            await asked(ex, client)
            ex.connection.cut()
            await asyncio.sleep(29.9)
            assert (state_of(ex.session), ex.sim.voice.open_sessions) == ("IN_PROCESS", 0)
            await asyncio.sleep(0.2)
            assert (state_of(ex.session), ex.sim.mind.stopped) == ("ENDED", 1)
            said = await ex.sim.store.load("sid-1")
        assert [message.role for message in said] == ["user", "assistant"]
        assert said[1].text
        assert said[1].text != ex.sim.mind.answer
        assert ex.sim.mind.answer.startswith(said[1].text)

    virtually(call())


def test_services_are_let_go_of_when_nobody_comes_back_to_a_long_reply() -> None:
    async def call() -> None:
        async with exchange(limits=ResumeLimits(seconds=2)) as ex:
            ex.sim.mind.answer = "我们慢慢地说一说。" * 200
            client = Client()
            await asked(ex, client)
            ex.connection.cut()
            await asyncio.sleep(1.9)
            assert (ex.sim.voice.open_sessions, ex.sim.mind.stopped) == (1, 0)
            await asyncio.sleep(0.2)
            assert (ex.sim.voice.open_sessions, ex.sim.mind.stopped) == (0, 1)

    virtually(call())


def test_the_reply_goes_on_being_made_while_nobody_is_there_but_only_as_far_as_the_journal_holds_it() -> None:
    async def call() -> None:
        limits = ResumeLimits(max_bytes=200_000)
        async with exchange(limits=limits) as ex:
            ex.sim.mind.answer = "我们慢慢地说一说。" * 20
            client = Client()
            await asked(ex, client)
            ex.connection.cut()
            before = ex.kept.position
            await asyncio.sleep(25)
            assert ex.kept.position > before
            assert ex.kept._journal.bytes_held <= limits.max_bytes
            stopped_at = ex.kept.position
            await asyncio.sleep(4)
            assert ex.kept.position == stopped_at
            ex.come_back(client.at)
            await heard(ex, client, "TTSDone")
            assert (await ex.sim.store.load("sid-1"))[1].text == ex.sim.mind.answer

    virtually(call())


def test_what_was_said_before_the_cut_is_answered_meanwhile_and_heard_afterwards() -> None:
    async def call() -> None:
        async with exchange() as ex:
            client = Client()
            await heard(ex, client, "BotReady")
            for _ in range(10):
                ex.connection.tell(b"\x11\x20\x00\x00" + (3200).to_bytes(4, "big") + bytes(3200))
            await asyncio.sleep(1)
            ex.sim.ears.hear("你好吗？")
            ex.connection.cut()
            await asyncio.sleep(20)
            ex.come_back(client.at)
            came = await heard(ex, client, "TTSDone")
        assert came[:2] == ["BotReady", "SentenceRecognized"]
        assert "audio" in came

    virtually(call())


def test_nobody_is_idle_while_he_is_away() -> None:
    async def call() -> None:
        async with exchange(limits=ResumeLimits(seconds=100)) as ex:
            client = Client()
            await heard(ex, client, "BotReady")
            ex.connection.cut()
            await asyncio.sleep(90)
            assert state_of(ex.session) == "IDLE"
            ex.come_back(client.at)
            await asyncio.sleep(59)
            assert state_of(ex.session) == "IDLE"
            await asyncio.sleep(2)
            assert state_of(ex.session) == "ENDED"

    virtually(call())


def test_half_a_sample_of_the_cut_connection_does_not_shift_the_next() -> None:
    async def call() -> None:
        async with exchange() as ex:
            client = Client()
            await heard(ex, client, "BotReady")
            ex.connection.tell(b"\x11\x20\x00\x00" + (1).to_bytes(4, "big") + b"\x01")
            await asyncio.sleep(0.1)
            ex.connection.cut()
            ex.come_back(client.at)
            ex.connection.tell(b"\x11\x20\x00\x00" + (4).to_bytes(4, "big") + b"\x02\x03\x04\x05")
            await asyncio.sleep(0.1)
            assert ex.sim.ears.sent == b"\x02\x03\x04\x05"

    virtually(call())
