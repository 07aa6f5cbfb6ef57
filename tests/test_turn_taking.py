"""A call over time: who speaks when, what is paced, guessed, cut off and remembered. On a clock that jumps."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.call.token_count import message_tokens
from backend.errors import ProviderUnavailable
from backend.ports import ChatItem, Message, SpeechOptions
from backend.protocol.events import CallConfig
from backend.protocol.frames import AudioFrame, EventFrame
from tests.support.simulated import SOUND_BYTES_PER_MS, SimulatedDetector, SimulatedMind, SimulatedVoice, Simulation
from tests.support.virtual import virtually

TURNS = int(os.environ.get("SOAK_INTERRUPTIONS", "1000"))
"""`make soak` asks for a hundred thousand."""
ALL_EVENTS = frozenset({"TurnMetrics"})


def test_streamed_sound_never_runs_further_ahead_of_the_ear_than_its_lead_and_one_frame() -> None:
    async def call() -> None:
        sim = Simulation()
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSDone")
        sounds = [(at, len(frame.data)) for at, frame in sim.line.frames if isinstance(frame, AudioFrame)]
        began, sent_ms = sounds[0][0], 0.0
        for at, size in sounds:
            assert sent_ms - (at - began) * 1000 <= 300.001
            sent_ms += size / SOUND_BYTES_PER_MS
            assert size / SOUND_BYTES_PER_MS <= 200
            assert sent_ms - (at - began) * 1000 <= 500.001
        assert sent_ms > 4000
        assert sounds[-1][0] - began == pytest.approx(sent_ms / 1000 - 0.3 - 0.2, abs=0.05)

    virtually(call())


def test_whole_sentences_leave_at_once_for_a_client_that_does_not_stream() -> None:
    async def call() -> None:
        sim = Simulation(config=CallConfig(audio_format="pcm"))
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSDone")
        sounds = [at for at, frame in sim.line.frames if isinstance(frame, AudioFrame)]
        assert len(sounds) == 3
        assert sounds[-1] - sounds[0] < 2  # of more than 4 s of sound

    virtually(call())


async def silent(sim: Simulation, ms: int) -> None:
    """The client's clock goes on, and so does the wall's."""
    for _ in range(ms // 100):
        sim.line.silence(100)
        await asyncio.sleep(0.1)


def test_a_right_guess_saves_the_hold_and_costs_no_second_request() -> None:
    async def call() -> None:
        sim = Simulation(detector=SimulatedDetector())
        assert sim.detector is not None
        async with sim.call():
            sim.detector.sense(speaking=True)
            await silent(sim, 1000)
            sim.ears.hear("你吃了吗", definite=False)
            sim.detector.sense(speaking=False)
            ended = asyncio.get_running_loop().time()
            await silent(sim, 200)
            assert sim.line.names() == ["BotReady"]
            assert len(sim.mind.asked) == 1  # on trial
            sim.ears.hear("你吃了吗？")
            await silent(sim, 600)
            await sim.line.until("TTSDone")
        assert len(sim.mind.asked) == 1
        first_sound = next(at for at, frame in sim.line.frames if isinstance(frame, AudioFrame))
        # 0.1 s until the guess, 0.3 s to the first token, 0.06 s to the first clause, 0.2 s to its sound
        assert first_sound - ended == pytest.approx(0.66, abs=0.15)

    virtually(call())


async def pause_and_go_on(sim: Simulation) -> None:
    """The caller says what could be all, is quiet for a moment, and says more."""
    assert sim.detector is not None
    sim.detector.sense(speaking=True)
    await silent(sim, 1000)
    sim.ears.hear("你吃了吗", definite=False)
    sim.detector.sense(speaking=False)
    await silent(sim, 200)
    sim.detector.sense(speaking=True)  # inside the hold
    await silent(sim, 1000)
    sim.detector.sense(speaking=False)
    sim.ears.hear("你吃了吗要不要一起去？")
    await silent(sim, 600)


def test_a_wrong_guess_is_never_heard_and_its_cost_is_told() -> None:
    async def call() -> None:
        config = CallConfig(delivery="stream", audio_format="pcm", events=ALL_EVENTS)
        sim = Simulation(config=config, detector=SimulatedDetector(), mind=SimulatedMind(first_token_s=0.05))
        async with sim.call():
            await pause_and_go_on(sim)
            await sim.line.until("TTSDone")
        assert [asked[-1].text for asked in sim.mind.asked] == ["你吃了吗", "你吃了吗要不要一起去？"]
        assert sim.line.names().count("SentenceRecognized") == 1
        [metrics] = [f for _, f in sim.line.frames if isinstance(f, EventFrame) and f.event == "TurnMetrics"]
        usage = metrics.payload["usage"]
        assert usage["wasted_requests"] == 1
        assert usage["wasted_prompt_tokens"] == 100
        assert usage["wasted_completion_tokens"] > 0

    virtually(call())


class OnceWilling(SimulatedMind):
    """Fails from the second request on."""

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        async for item in super().reply(messages):
            if len(self.asked) > 1:
                raise ProviderUnavailable("llm", "as the test says")
            yield item


@pytest.mark.parametrize("ends", ["failed", "cut off"])
def test_the_prompt_of_a_wrong_guess_is_counted_though_the_turn_was_not_told_of_its_own(ends: str) -> None:
    async def call() -> None:
        mind = OnceWilling(first_token_s=1.0) if ends == "failed" else SimulatedMind(first_token_s=1.0)
        config = CallConfig(delivery="stream", audio_format="pcm", events=ALL_EVENTS)
        sim = Simulation(config=config, detector=SimulatedDetector(), mind=mind)
        async with sim.call():
            await pause_and_go_on(sim)
            if ends == "cut off":
                sim.line.tell("BotInterrupt")
            await sim.line.until("TTSDone")
        [metrics] = [f for _, f in sim.line.frames if isinstance(f, EventFrame) and f.event == "TurnMetrics"]
        usage = metrics.payload["usage"]
        wasted = sim.mind.asked[: usage["wasted_requests"]]
        assert wasted
        assert "prompt_tokens" not in usage
        assert usage["wasted_prompt_tokens"] == sum(map(message_tokens, wasted))

    virtually(call())


def test_words_over_the_reply_stop_it_at_once_and_open_the_next_turn() -> None:
    async def call() -> None:
        sim = Simulation()
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSSentenceStart")
            await asyncio.sleep(1)
            sim.ears.hear("等一下，", definite=False)
            said = asyncio.get_running_loop().time()
            await sim.line.until("TTSDone")
            assert asyncio.get_running_loop().time() - said < 0.02
            sim.ears.hear("等一下，我想问个问题。")
            await silent(sim, 1000)
            await sim.line.until("TTSDone", 2)
        turn_1 = [name for name, (_, frame) in zip(sim.line.names(), sim.line.frames, strict=True) if frame.turn == 1]
        assert turn_1[-2:] == ["BotInterrupted", "TTSDone"]
        assert [m.text for m in sim.mind.asked[1]][-1] == "等一下，我想问个问题。"
        heard = sim.mind.asked[1][1]
        assert heard.role == "assistant"
        assert 0 < len(heard.text) < len(sim.mind.answer)  # what was sent in a second and a bit

    virtually(call())


def test_a_nod_over_the_reply_lets_it_go_on() -> None:
    async def call() -> None:
        sim = Simulation()
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSSentenceStart")
            sim.ears.hear("嗯嗯")
            await silent(sim, 1000)
            await sim.line.until("TTSDone")
        assert "BotInterrupted" not in sim.line.names()
        assert await sim.store.load("sid-1") == (Message("user", "你好吗？"), Message("assistant", sim.mind.answer))

    virtually(call())


class FailsWhenLeft(SimulatedVoice):
    """A voice that has nothing but trouble to tell, whenever a session with it is left."""

    @asynccontextmanager
    async def open(self, options: SpeechOptions) -> AsyncIterator[Any]:
        async with super().open(options) as speech:
            try:
                yield speech
            finally:
                raise ProviderUnavailable("tts", "the connection broke")


@pytest.mark.parametrize("typed", [True, False], ids=["a reply", "a guess"])
def test_an_error_of_a_service_that_is_being_left_holds_no_call_up(typed: bool) -> None:
    """It takes the place of the cancellation; who waits for something after it would wait for ever."""

    async def call() -> None:
        sim = Simulation(mind=SimulatedMind(first_token_s=60), voice=FailsWhenLeft(), detector=SimulatedDetector())
        assert sim.detector is not None
        async with sim.call():
            if typed:
                sim.line.tell("UserText", {"text": "你吃了吗？"})
                await sim.line.until("SentenceRecognized")
            else:
                sim.detector.sense(speaking=True)
                await silent(sim, 1000)
                sim.ears.hear("你吃了吗", definite=False)
                sim.detector.sense(speaking=False)
            await silent(sim, 200)
            assert len(sim.mind.asked) == 1
            sim.detector.sense(speaking=True)
            await silent(sim, 200)
        assert sim.voice.open_sessions == 0

    virtually(call())


def test_no_stale_frame_leaves_however_often_a_reply_is_cut_off() -> None:
    assert virtually(interrupted_at_random(TURNS, seed=7)) == 0


async def interrupted_at_random(turns: int, seed: int) -> int:
    """Calls whose every reply is cut off at a random moment, by words, by hand or by typing; frames that came late."""
    chance = random.Random(seed)
    sim = Simulation()
    stale = open_turn = 0
    async with sim.call():
        for turn in range(1, turns + 1):
            sim.line.frames.clear()
            sim.line.tell("UserText", {"text": f"第{turn}句话"})
            await sim.line.until("SentenceRecognized")
            await asyncio.sleep(chance.choice([0, 0.3, 0.301, 0.36, 0.5, 0.56, 0.8]) + chance.random() * 2)
            match chance.randrange(3):
                case 0:
                    sim.line.tell("BotInterrupt")
                case 1:
                    sim.ears.hear("等一下", definite=False)
                case _:
                    sim.line.tell("UserText", {"text": "换个话题"})
            await sim.line.until("TTSDone")
            await asyncio.sleep(chance.random() * 0.3)
            if sim.line.names().count("SentenceRecognized") > sim.line.names().count("TTSDone"):
                sim.line.tell("BotInterrupt")
                await sim.line.until("TTSDone", sim.line.names().count("TTSDone") + 1)
            for _, frame in sim.line.frames:
                if isinstance(frame, EventFrame) and frame.event == "SentenceRecognized":
                    open_turn = frame.turn or 0
                elif isinstance(frame, EventFrame) and frame.event == "TTSDone":
                    stale += frame.turn != open_turn
                    open_turn = 0
                else:
                    stale += frame.turn not in (open_turn, 0)
    assert sim.voice.open_sessions == 0
    return stale
