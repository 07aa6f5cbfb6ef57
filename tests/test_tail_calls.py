"""The end of a reply in whole calls: over sockets, and on a clock that jumps."""

import asyncio

import pytest

from backend.ports import Message
from backend.protocol.events import CallConfig
from backend.protocol.frames import EventFrame
from tests.support.simulated import Simulation
from tests.support.virtual import virtually
from tests.test_calls import calling, script

STORY = "从前有一座山，山里有一座庙，庙里有一个老和尚，老和尚在讲故事。"
NEXT = "那座庙后来怎么样了？"


@pytest.mark.parametrize(
    "overheard",
    [
        {"text": STORY.replace("老和", "老何"), "partials": ["从前有1座山山里"], "after_ms": 300},
        {"text": "嗯嗯。", "partials": ["嗯"], "after_ms": 300},
    ],
    ids=["her echo, misheard", "a nod"],
)
async def test_a_reply_that_is_still_played_is_not_answered_over_sockets(overheard: dict[str, object]) -> None:
    hears = [{"text": "讲个故事吧。", "after_ms": 300}, overheard, {"text": NEXT, "after_ms": 300}]
    lines = script(hears=hears, replies=[STORY, "塌了。"], tone={"ms_per_char": 200})
    query = {"barge_in": "true", "events": "SentencePartial", "audio_format": "pcm"}
    patience = {f"{service}_TIMEOUT_S": "10" for service in ("ASR", "LLM", "TTS")}
    async with calling(lines, query, **patience) as (caller, _):
        await caller.speak(300)
        await caller.until("TTSDone")
        await caller.speak(300)
        await caller.speak(1500)
        frames = await caller.until("SentenceRecognized")

    told = [frame for frame in frames if isinstance(frame, EventFrame)]
    assert {frame.event for frame in told} <= {"SentencePartial", "SentenceRecognized"}
    assert {frame.payload["sentence"] for frame in told} == {NEXT}


@pytest.mark.parametrize("stop", ["by hand", "by word"])
def test_the_next_request_holds_only_what_was_played_of_a_reply_that_was_sent_at_once(stop: str) -> None:
    async def call() -> None:
        config = CallConfig(barge_in=True, audio_format="pcm", turn_ids=True, events=frozenset({"SentencePartial"}))
        sim = Simulation(config=config)
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSDone")
            sim.line.tell("PlaybackPosition", {"turn": 1, "played_ms": 1000})
            await asyncio.sleep(0.1)
            if stop == "by hand":
                sim.line.tell("BotInterrupt")
            else:
                sim.ears.hear("等一下", definite=False)
            await asyncio.sleep(0.1)
            assert sim.line.names().count("TTSDone") == 1
            sim.line.tell("UserText", {"text": "换个话题"})
            await sim.line.until("TTSDone", 2)
        heard = sim.mind.asked[1][-2]
        assert heard.role == "assistant"
        assert 0 < len(heard.text) < len(sim.mind.answer) / 2
        assert sim.mind.answer.startswith(heard.text)
        assert (await sim.store.load("sid-1"))[:2] == (Message("user", "你好吗？"), heard)
        assert "BotInterrupted" not in sim.line.names()

    virtually(call())


def test_a_false_alarm_leaves_the_reply_as_it_was() -> None:
    """Nothing is paused for it, so the same frames come at the same times as without it."""

    async def call(*, alarm: bool) -> list[tuple[float, str]]:
        sim = Simulation()
        async with sim.call():
            await sim.speak("你好吗？")
            await sim.line.until("TTSSentenceStart")
            await asyncio.sleep(1)
            if alarm:
                sim.ears.hear("嗯", definite=False)
                await asyncio.sleep(0.2)
                sim.ears.hear("", definite=False)
            else:
                await asyncio.sleep(0.2)
            await sim.line.until("TTSDone")
        began = sim.line.frames[0][0]
        return [(round(at - began, 3), name) for (at, _), name in zip(sim.line.frames, sim.line.names(), strict=True)]

    assert virtually(call(alarm=True)) == virtually(call(alarm=False))
