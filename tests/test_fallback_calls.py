"""A second provider takes over in the middle of a call: Doubao → DashScope and the reverse, over real sockets."""

import logging
from typing import Any

import pytest

from backend.protocol.frames import AudioFrame, EventFrame
from tests.faults.stage import Stage, script, staged, until
from tests.support.caller import names

TURN = ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
FAMILIES = ["volcengine", "dashscope"]
NEVER = {"FALLBACK_S": "3600"}


def broken(service: str, **fault: Any) -> dict[str, Any]:
    return {"service": service, "kind": "error", "nth": None, **fault}


def fine() -> Any:
    return script(hears_always="你好", replies_always="好的呀。")


def failing(*faults: dict[str, Any]) -> Any:
    return script(hears_always="你好", replies_always="好的呀。", faults=faults)


async def turns(stage: Stage, count: int) -> list[list[str]]:
    return [names(await stage.caller.turn()) for _ in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("service", ["asr", "chat", "tts"])
async def test_within_the_turn_when_nothing_was_heard_yet_and_it_stays_in_use(
    family: str, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with staged(family, failing(broken(service)), fine(), {"events": "TurnMetrics"}, **NEVER) as stage:
            first = await stage.caller.turn()
            asked = stage.first.stats()[service]["sessions"]
            again = await turns(stage, 2)
            sessions = stage.second.stats()[service]["sessions"]
            more = stage.first.stats()[service]["sessions"] - asked

    assert [each for each in names(first) if each != "TurnMetrics"] == TURN
    assert [[each for each in turn if each != "TurnMetrics"] for turn in again] == [TURN, TURN]
    metrics = next(frame for frame in first if isinstance(frame, EventFrame) and frame.event == "TurnMetrics")
    other = "dashscope" if family == "volcengine" else "volcengine"
    assert metrics.payload["served_by"] == {service.replace("chat", "llm"): other}
    assert sessions >= 3
    assert more == 0, "the one that failed is left alone"
    assert len([record for record in caplog.records if record.message == "fallback.took_over"]) == 1


@pytest.mark.parametrize("audio_format", ["pcm", "mp3", "opus"])
@pytest.mark.parametrize("family", FAMILIES)
async def test_the_sound_keeps_the_format_that_the_client_asked_for(family: str, audio_format: str) -> None:
    wishes = {"audio_format": audio_format, "sample_rate": "16000"}
    async with staged(
        family, failing(broken("tts", kind="stall")), fine(), wishes, **NEVER, TTS_TIMEOUT_S="0.4"
    ) as stage:
        frames = await stage.caller.turn()

    assert names(frames) == TURN
    sound = b"".join(frame.data for frame in frames if isinstance(frame, AudioFrame))
    if audio_format == "pcm":
        assert len(sound) == len("好的呀。") * 20 * 32
    else:
        assert sound.startswith({"opus": b"OggS", "mp3": b"\xff"}[audio_format])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("service", "code"), [("chat", "LLMFailed"), ("tts", "TTSFailed")])
async def test_from_the_next_turn_when_something_was_heard_and_nothing_twice(
    family: str, service: str, code: str
) -> None:
    reply = "好的呀，没问题。我们现在就去。"
    bad = script(hears_always="你好", replies_always=reply, faults=[broken(service, kind="cut", at="mid")])
    wishes = {"delivery": "stream"}
    async with staged(family, bad, fine(), wishes, **NEVER, VOICE_CALL_TTS_FIRST_CHARS="1") as stage:
        cut = await stage.caller.turn()
        spoken_elsewhere = stage.second.stats()[service]["sessions"]
        after = await stage.caller.turn()

    errors = [frame.payload["error"]["code"] for frame in cut if isinstance(frame, EventFrame) and "Err" in frame.event]
    assert errors == [code]
    assert names(cut)[-2:] == ["BotError", "TTSDone"]
    said = "".join(frame.payload["sentence"] for frame in cut[1:-2] if isinstance(frame, EventFrame))
    assert reply.startswith(said), "nothing is told twice"
    assert spoken_elsewhere == 0
    assert "BotError" not in names(after)


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_words_said_before_the_recogniser_broke_are_heard_by_the_other(family: str) -> None:
    hears = [{"text": "你好呀", "partials": ["你好"], "after_ms": 600}]
    bad = script(hears_always=hears[0], replies_always="好。", faults=[broken("asr", kind="cut", at="mid")])
    good = script(hears_always=hears[0], replies_always="好。")
    async with staged(family, bad, good, {}, **NEVER) as stage:
        await stage.caller.speak(600)
        frames = await stage.caller.until("TTSDone")
        heard_ms = stage.second.stats()["asr"]["requests"][0]["audio_ms"]

    assert frames[0] == EventFrame("SentenceRecognized", {"sentence": "你好呀"})
    assert heard_ms >= 600


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("service", ["asr", "chat", "tts"])
async def test_the_first_is_probed_beside_the_calls_and_is_back_when_it_answers(family: str, service: str) -> None:
    async with staged(family, failing(broken(service)), fine(), {}, FALLBACK_S="0.05") as stage:
        assert await turns(stage, 1) == [TURN]
        (breaker,) = (each for each in stage.providers.breakers if each.in_use)
        bad = stage.first.stats()[service]["sessions"]
        await until(lambda: stage.first.stats()[service]["sessions"] > bad)  # a probe that fails changes nothing
        assert breaker.in_use == 1
        stage.first.script(script(hears_always="你好", replies_always="回来了。"))
        await until(lambda: breaker.in_use == 0)
        before = stage.first.stats()[service]["sessions"]
        assert await turns(stage, 2) == [TURN, TURN]
        assert stage.first.stats()[service]["sessions"] >= before + 1
        assert breaker.takeovers == 1


@pytest.mark.parametrize("family", FAMILIES)
async def test_when_both_fail_the_turn_fails_as_without_a_second(family: str) -> None:
    async with staged(family, failing(broken("chat")), failing(broken("chat")), {}, **NEVER) as stage:
        assert await turns(stage, 1) == [["SentenceRecognized", "TTSSentenceStart", "audio", "BotError", "TTSDone"]]
        stage.first.script(fine())
        assert await turns(stage, 1) == [TURN], "whoever works is found"


async def test_what_one_service_will_not_answer_the_other_is_not_asked() -> None:
    refusal = broken("chat", code="SensitiveContentDetected")
    async with staged("volcengine", failing(refusal), fine(), {}, **NEVER) as stage:
        (told,) = await turns(stage, 1)
        assert told[-2:] == ["BotError", "TTSDone"]
        assert stage.second.stats()["chat"]["sessions"] == 0
        assert all(not breaker.in_use for breaker in stage.providers.breakers)
