"""A reply's services have so much time to work; hearing it has its own, and a long story is no slow service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest

from backend.marks import TurnMarks
from backend.ports import (
    ChatItem,
    ChatModel,
    Message,
    SentenceBegan,
    SentenceEnded,
    Sound,
    SpeechItem,
    SpeechOptions,
    Synthesizer,
    TextDelta,
)
from backend.protocol.events import CallConfig
from backend.protocol.frames import AudioFrame
from backend.shell.work_time import WorkTime
from backend.turn import Reply, Turn, TurnLimits
from tests.support.simulated import SimulatedMind, SimulatedVoice, Simulation
from tests.support.virtual import virtually

STORY = "从前有座山，山里有座庙，庙里有个老和尚讲故事。" * 70
"""Of 1,610 characters, which sound for five minutes."""
SECOND = bytes(48_000)


@dataclass
class Ear:
    """Where a reply goes; `deaf` takes nothing after the first sound, and never comes back."""

    deaf: bool = False
    heard_ms: float = 0.0
    sentences: list[str] = field(default_factory=list)

    async def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    async def show(self, text: str) -> bool:
        return False

    async def sound(self, data: bytes, ms: float) -> None:
        if self.deaf:
            await asyncio.Event().wait()
        self.heard_ms += ms


class Trickle:
    """Thinks of one more word every nine seconds, for ever."""

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        while True:
            await asyncio.sleep(9)
            yield TextDelta("嗯，")

    async def warm(self) -> None:
        return

    async def aclose(self) -> None:
        return


@dataclass
class Endless:
    """Speaks for ever, a second of sound after each pause."""

    pause_s: float
    takes_tokens: bool = False

    @asynccontextmanager
    async def open(self, _options: SpeechOptions) -> AsyncIterator["Endless"]:
        yield self

    async def say(self, text: str) -> None:
        return

    async def finish(self) -> None:
        return

    async def cancel(self) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[SpeechItem]:
        yield SentenceBegan("啊")
        while True:
            await asyncio.sleep(self.pause_s)
            yield Sound(SECOND)
            yield SentenceEnded()

    async def warm(self, _voice: str) -> None:
        return

    async def aclose(self) -> None:
        return


def reply_of(model: ChatModel, voice: Synthesizer, ear: Ear) -> tuple[str, str, float]:
    """The error's code, its words, and when it came."""

    async def run() -> tuple[str, str, float]:
        clock = asyncio.get_running_loop().time
        turn = Turn(model, voice, ear, TurnMarks(clock(), clock), TurnLimits())
        turn.go()
        outcome = await turn.run(Reply((), SpeechOptions("a voice", "pcm", 24_000), "stream"))
        assert outcome.error is not None
        return outcome.error.code, str(outcome.error), round(clock(), 1)

    return virtually(run())


@pytest.mark.parametrize("delivery", ["stream", "sentence"])
def test_a_story_of_five_minutes_is_told_to_its_end(delivery: Literal["stream", "sentence"]) -> None:
    async def call() -> tuple[float, list[str], int]:
        config = CallConfig(delivery=delivery, audio_format="pcm")
        sim = Simulation(config=config, mind=SimulatedMind(STORY))
        async with sim.call():
            sim.line.tell("UserText", {"text": "讲个故事"})
            await sim.line.until("TTSDone")
            took_s = asyncio.get_running_loop().time()
        sound = sum(len(frame.data) for _, frame in sim.line.frames if isinstance(frame, AudioFrame))
        return took_s, sim.line.names(), sound

    took_s, names, sound = virtually(call())

    assert "BotError" not in names
    assert sound == len(STORY) * 200 * 48
    assert (took_s > 300) is (delivery == "stream")


@pytest.mark.parametrize(
    ("model", "voice", "code"),
    [
        (Trickle(), SimulatedVoice(), "LLMTimeout"),
        (SimulatedMind("在。"), Endless(pause_s=9), "TTSTimeout"),
    ],
    ids=["the model", "the voice"],
)
def test_a_service_that_trickles_has_three_minutes_and_is_called_by_its_name(
    model: ChatModel, voice: Synthesizer, code: str
) -> None:
    assert reply_of(model, voice, Ear()) == (code, "the reply was not made within 180 s", 180.0)


def test_a_voice_that_does_not_end_is_ended() -> None:
    ear = Ear()

    assert reply_of(SimulatedMind("在。"), Endless(pause_s=0.01), ear) == (
        *("TTSTimeout", "the reply was not over within 1800 s", 1800.0),
    )
    assert 1795 < ear.heard_ms / 1000 < 1805


def test_a_reply_that_nobody_takes_is_ended() -> None:
    """However the line lets go of a client that is away."""
    code, _, at_s = reply_of(SimulatedMind(STORY), SimulatedVoice(), Ear(deaf=True))

    assert (code, at_s) == ("TTSTimeout", 1800.0)


async def ended(first: str, seconds: float) -> float:
    """When a block is over that does `first` for so long and works until it is stopped, or is done for good."""
    clock, work = asyncio.get_running_loop().time, WorkTime(work_s=2, whole_s=10)
    try:
        with work:
            if first == "waits":
                await work.stand_still(asyncio.sleep(seconds))
            elif first == "is done":
                work.done()
                await asyncio.sleep(seconds)
                return clock()
            await asyncio.sleep(60)
    except TimeoutError:
        return clock()
    raise AssertionError("it was not stopped")


@pytest.mark.parametrize(
    ("first", "seconds", "ends_at"),
    [("works", 0, 2), ("waits", 5, 7), ("waits", 9, 10), ("waits", 20, 10), ("is done", 5, 5), ("is done", 20, 10)],
)
def test_the_services_time_stands_still_while_they_wait_and_ends_with_their_work(
    first: str, seconds: float, ends_at: float
) -> None:
    assert virtually(ended(first, seconds)) == ends_at
