"""A conversation is taken up while the connection that had it takes nothing more: its last words are not lost."""

import asyncio
from dataclasses import dataclass, field

import pytest

from backend.call.machine import Call, CallLimits
from backend.call.moves import (
    CallEvent,
    CancelReply,
    HangUp,
    Joined,
    Remember,
    Say,
    SentenceSent,
    SoundSent,
    TakenUp,
    Told,
)
from backend.connections.holders import GIVE_UP_S
from backend.connections.line import HURRIED_WRITE_S
from backend.ports import Message
from backend.protocol.events import CallConfig, UserText
from tests.support.caller import dialled
from tests.support.fakes import FakeModel
from tests.support.simulated import SimulatedLine, Simulation
from tests.support.switchboard import Switchboard, answering
from tests.support.virtual import virtually
from tests.test_resume import LoudSynthesizer

BLOCKED_WRITE_S = 5.0


@dataclass
class DeadLine(SimulatedLine):
    """Takes nothing after the first event of a name; each write hangs as long as `WebSocketLine` lets it."""

    last: str = ""
    patience: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    async def send(self, data: bytes) -> None:
        if self.gone:
            return
        if self.last not in self.names():
            await super().send(data)
            return
        try:
            async with asyncio.timeout(BLOCKED_WRITE_S):
                await self.patience.wait()
                await asyncio.sleep(HURRIED_WRITE_S)
        except TimeoutError:
            pass
        self.gone = True

    def hurry(self) -> None:
        self.patience.set()


def test_what_was_said_is_kept_before_the_client_is_told() -> None:
    call = Call("sid-1", CallLimits(), CallConfig())
    begun: list[CallEvent] = [Joined(), Told(UserText("在吗")), SentenceSent(1, "在。"), SoundSent(1, 400.0)]
    for at, event in enumerate(begun):
        call.handle(event, float(at))

    effects = call.handle(TakenUp(), 4.0)

    kept = Remember((Message("user", "在吗"), Message("assistant", "在。")))
    assert effects[:2] == [CancelReply(1), kept]
    assert isinstance(effects[-2], Say)
    assert effects[-2].event == "BotError"
    assert effects[-1] == HangUp(1008, "BadSession")


@pytest.mark.parametrize(("last", "kept"), [("TTSSentenceStart", ["在吗"]), ("audio", ["在吗", "在"])])
@pytest.mark.parametrize("barge_in", [False, True])
def test_a_dead_connection_gives_its_conversation_up_before_the_newcomer_waits_no_longer(
    last: str, kept: list[str], barge_in: bool
) -> None:
    """It hangs in the first sound of a reply, or in the word that it is over."""

    async def call() -> None:
        sim = Simulation(config=CallConfig(audio_format="pcm", barge_in=barge_in), line=DeadLine(last=last))
        sim.mind.answer = "在"
        session = sim.session_over(sim.line)
        running = asyncio.create_task(session.run())
        await sim.line.until("BotReady")
        sim.line.tell("UserText", {"text": "在吗"})
        await sim.line.until(last)
        await asyncio.sleep(1)
        async with asyncio.timeout(GIVE_UP_S):
            await session.give_up()
        assert [message.text for message in await sim.store.load("sid-1")] == kept
        await running

    virtually(call())


def is_stuck(board: Switchboard) -> bool:
    """Whether sound waits to be read."""
    assert board.reception is not None
    sockets = board.reception._admissions._by_connection
    return any(socket.transport.get_write_buffer_size() > 1_000_000 for socket in sockets)


async def test_the_newcomer_knows_what_was_said_on_a_connection_that_nobody_reads() -> None:
    model = FakeModel([["好。"], ["当然。"]])
    board = Switchboard(model=model, synthesizer=LoudSynthesizer())
    async with answering(board), dialled(board.url, sid="sid-1", delivery="stream") as older:
        older.socket.transport.pause_reading()
        await older.send("UserText", {"text": "记住"})
        async with asyncio.timeout(10):
            while not is_stuck(board):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with dialled(board.url, sid="sid-1") as newer:
            await newer.send("UserText", {"text": "还记得吗"})
            await newer.until("SentenceRecognized")
            await newer.until("TTSSentenceStart")

    assert [message.text for message in model.asked[1]] == ["记住", "还记得吗"]
