"""A silence in a call: the question whether the caller is there, and the end. On a virtual clock, and on the wires."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from backend import compose
from backend.call.machine import CallLimits
from backend.ports import Message
from backend.protocol.events import CallConfig
from backend.protocol.frames import EventFrame
from backend.session import SessionLimits
from backend.settings import load
from emulator.script import Script
from tests.support.caller import Caller, dialled, names
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.simulated import IDLE_LINE, Simulation
from tests.support.switchboard import PROMPT, Switchboard, answering
from tests.support.virtual import virtually

ASKED = ["TTSSentenceStart", "audio", "TTSDone"]
LIMITS = SessionLimits(call=CallLimits(idle_s=60.0, ask_before_s=20.0))


async def muted(simulation: Simulation) -> None:
    """The client sends silence for ever, frame after frame."""
    while simulation.line.closed is None:
        simulation.line.silence(100)
        await asyncio.sleep(0.1)


def test_a_silent_caller_is_asked_once_and_hung_up_on_20_s_later() -> None:
    simulation = Simulation(CallConfig(), LIMITS)

    async def silence() -> None:
        async with simulation.call() as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(muted(simulation))
            await simulation.line.until("BotError")
            assert await simulation.store.load(session.sid) == (Message("assistant", IDLE_LINE),)

    virtually(silence())

    assert simulation.line.names() == ["BotReady", *ASKED, "BotError"]
    when = {name: at for (at, _), name in zip(simulation.line.frames, simulation.line.names(), strict=True)}
    assert 40.0 <= when["TTSSentenceStart"] <= 42.0
    assert 60.0 <= when["BotError"] <= 60.2
    assert simulation.line.closed == 1000
    assert simulation.mind.asked == [], "no chat model is asked for a line of the card"


def test_who_answers_the_question_goes_on_and_is_asked_again_in_the_next_silence() -> None:
    simulation = Simulation(limits=LIMITS)

    async def forgetful() -> None:
        async with simulation.call():
            await simulation.line.until("TTSDone", 1)
            await simulation.speak("在呢，刚刚在倒水")
            await simulation.line.until("TTSDone", 3)
            await simulation.line.until("BotError")

    virtually(forgetful())

    sentences = [
        frame.payload["sentence"]
        for _, frame in simulation.line.frames
        if isinstance(frame, EventFrame) and frame.event == "TTSSentenceStart"
    ]
    assert [sentence == IDLE_LINE for sentence in sentences].count(True) == 2
    assert simulation.line.names().count("TTSDone") == 3
    [messages] = simulation.mind.asked
    assert messages == (Message("assistant", IDLE_LINE), Message("user", "在呢，刚刚在倒水"))


@asynccontextmanager
async def on_the_wires(turn_ids: str = "false", events: str = "") -> AsyncIterator[tuple[Caller, EmulatorHandle]]:
    """A call through the real adapters that asks after 0.3 s of silence."""
    async with running_emulator(Script.model_validate({"tone": {"ms_per_char": 10}})) as vendor:
        values = {"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": str(vendor.port)}
        values |= {"VOICE_CALL_IDLE_TIMEOUT": "1.3", "VOICE_CALL_IDLE_PROMPT": "1"}
        settings = load(values)
        providers = compose.providers(settings)
        limits = compose.limits(settings.call)
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=replace(limits, call=replace(limits.call, listening=PROMPT.call.listening)),
        )
        try:
            async with answering(board), dialled(board.url, turn_ids=turn_ids, events=events) as caller:
                yield caller, vendor
        finally:
            await providers.aclose()


async def test_on_the_wires_the_question_is_spoken_and_the_call_is_closed_after_it() -> None:
    async with on_the_wires(turn_ids="true", events="TurnMetrics") as (caller, vendor):
        await caller.silence(300)
        frames = await caller.until("BotError")
        closed = await caller.closed()
        stats = vendor.stats()

    assert names(frames) == ["TTSSentenceStart", "audio", "TurnMetrics", "TTSDone", "BotError"]
    assert frames[0] == EventFrame("TTSSentenceStart", {"sentence": IDLE_LINE}, 1)
    assert [frame.turn for frame in frames] == [1, 1, 1, 1, 0]
    metrics = frames[2]
    assert isinstance(metrics, EventFrame)
    assert set(metrics.payload) == {"tts_first_text", "tts_first_byte", "first_audio", "done", "usage"}
    assert metrics.payload["usage"]["tts_characters"] == len(IDLE_LINE)
    assert "prompt_tokens" not in metrics.payload["usage"]
    assert frames[4].payload["error"]["code"] == "IdleTimeout" if isinstance(frames[4], EventFrame) else False
    assert closed == (1000, "IdleTimeout")
    assert stats["chat"]["sessions"] == 0


async def test_on_the_wires_words_after_the_question_are_a_turn() -> None:
    async with on_the_wires() as (caller, _):
        assert names(await caller.until("TTSDone")) == ASKED
        await caller.speak()
        await caller.silence(1500)
        answer = await caller.until("TTSDone")

    assert names(answer) == ["SentenceRecognized", *ASKED]
