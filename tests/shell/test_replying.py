"""The replies of one call, without a call: what is cut off says no more, and a guess that failed is no answer."""

import asyncio
from collections.abc import Sequence
from typing import Any

from backend.call.moves import BeginReply, Guess, ReplyEnded
from backend.cost.meter import Costs, Meter
from backend.errors import ProviderUnavailable
from backend.ports import Message
from backend.protocol.events import TTS_SENTENCE_START, CallConfig
from backend.shell.replying import Ensemble, Replies
from backend.turn import TurnLimits
from tests.support.fakes import FakeModel, FakeSynthesizer
from tests.support.switchboard import plain_voice
from tests.support.virtual import virtually

TROUBLE = "哎呀，你再说一遍好不好？"
SENTENCES = ["第一句话。", "第二句话。", "第三句话。"]


class Held:
    """A caller whose line takes the first frame only when it is let through."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.first = asyncio.Event()
        self.through = asyncio.Event()

    async def say_sentence(self, turn: int, number: int | None, sentence: str, event: str = TTS_SENTENCE_START) -> None:
        self.told.append(sentence)

    async def send_sound(self, turn: int, number: int | None, data: bytes, ms: float) -> None:
        self.told.append("sound")
        self.first.set()
        await self.through.wait()


def replies(model: FakeModel, caller: Held, ended: list[ReplyEnded]) -> Replies:
    def prompt(_persona: str | None, history: Sequence[Message], text: str) -> Sequence[Message]:
        return (*history, Message("user", text))

    async def post(news: ReplyEnded) -> None:
        ended.append(news)

    def line(_persona: str | None) -> str:
        return TROUBLE

    cast = Ensemble(model, FakeSynthesizer(), prompt, plain_voice, line, line, line)
    clock = asyncio.get_running_loop().time
    meter = Meter(Costs(), lambda: None, lambda _: None)
    return Replies(
        "sid", cast, caller, TurnLimits(), clock=clock, post=post, start=asyncio.create_task, part=meter.part
    )


def begin(**more: Any) -> BeginReply:
    return BeginReply(1, "你好", (), CallConfig(), **more)


def test_not_one_more_frame_leaves_when_a_reply_is_cut_off() -> None:
    async def run() -> list[str]:
        caller, ended = Held(), list[ReplyEnded]()
        talk = replies(FakeModel([SENTENCES]), caller, ended)
        talk.begin(begin(), 0.0, None)
        await caller.first.wait()
        await asyncio.sleep(1)  # all the rest waits behind the first frame
        caller.through.set()
        talk.cancel()
        await asyncio.sleep(1)
        assert ended == []
        return caller.told

    assert virtually(run()) == [SENTENCES[0], "sound"]


def test_an_excuse_that_was_prepared_on_a_guess_is_no_answer_while_the_model_may_be_asked_again() -> None:
    async def run() -> list[ReplyEnded]:
        caller, ended = Held(), list[ReplyEnded]()
        caller.through.set()
        model = FakeModel([[ProviderUnavailable("llm", "down")], SENTENCES])
        talk = replies(model, caller, ended)
        talk.guess(Guess(7, 1, "你好", (), CallConfig()))
        await asyncio.sleep(1)
        talk.begin(begin(guess=7), 0.0, None)
        await asyncio.sleep(1)
        assert TROUBLE not in caller.told
        return ended

    assert virtually(run()) == [ReplyEnded(1, "".join(SENTENCES))]
