"""Whole calls with DashScope's services, and with a mix of families, over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backend import compose
from backend.call.listening import ListeningLimits
from backend.call.machine import CallLimits
from backend.call.turn_end import EndpointLimits
from backend.cast import Cast
from backend.persona.shelf import Shelf
from backend.protocol.frames import AudioFrame, EventFrame
from backend.settings import load
from emulator.script import Script
from tests.support.caller import Caller, dialled, names
from tests.support.deadlines import deadlines, deadlines_for
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.switchboard import Switchboard, answering

TURN = ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
SPEAKER = {"dashscope": "longhua_v2", "emulator": "zh_female_shuangkuaisisi_moon_bigtts"}


@asynccontextmanager
async def calling(
    script: Script, wishes: Mapping[str, Any] | None = None, **values: str
) -> AsyncIterator[tuple[Caller, EmulatorHandle]]:
    """A call whose services are DashScope's as the emulator has them, unless a stage is told otherwise."""
    async with running_emulator(script) as vendor:
        urls = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "DASHSCOPE_BASE_URL": vendor.qwen_url}
        local = {"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": str(vendor.port), "VAD": "off"}
        settings = load({"DASHSCOPE_API_KEY": "sk-secret", **deadlines("10"), **urls, **local, **values})
        providers = compose.providers(settings)
        await providers.model.warm()
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            voice=Cast(Shelf(), "qiao_qingqing", settings.tts.provider, "").voice,
            limits=replace(
                compose.limits(settings.call),
                call=CallLimits(listening=ListeningLimits(retry_s=0.01, endpoint=EndpointLimits(0, 0, 0, 0))),
            ),
        )
        asked = {"speaker": SPEAKER[settings.tts.provider], **(wishes or {})}
        try:
            async with answering(board), dialled(board.url, headers=None) as caller:
                await caller.send("BotUpdateConfig", asked)
                yield caller, vendor
        finally:
            await providers.aclose()


async def test_speed_loudness_and_emotion_change_from_the_next_reply_on() -> None:
    lines = script(hears_always="你好", replies_always="好。")
    wishes = {"speaker": "longanhuan", "speech_rate": 1.2, "volume": 0.8, "emotion": "happy"}
    async with calling(lines, wishes, VOICE_CALL_TTS_MODEL="cosyvoice-v3-flash") as (caller, vendor):
        await caller.turn()
        await caller.send("BotUpdateConfig", {"speech_rate": 0.5, "volume": None, "emotion": None})
        await caller.turn()
        await caller.send("BotUpdateConfig", {"speech_rate": 3})
        refused = await caller.event()
        await caller.turn()
        asked = [task["json"]["parameters"] for task in vendor.stats()["tts"]["requests"]]

    assert [(each["rate"], each["volume"], each.get("instruction")) for each in asked] == [
        (1.2, 40, "你说话的情感是happy。"),
        (0.5, 50, None),
        (0.5, 50, None),
    ]
    assert refused.payload["error"]["code"] == "BadEvent"


@pytest.mark.parametrize(
    ("voice", "model", "told"),
    [("longhua_v2", "cosyvoice-v2", None), ("longanhuan", "cosyvoice-v3-flash", "你在讲故事，你说话的情感是happy。")],
)
async def test_an_instruction_reaches_the_voices_that_take_it_and_silences_no_other(
    voice: str, model: str, told: str | None
) -> None:
    lines = script(hears_always="你好", replies_always="好。")
    asked = {"DASHSCOPE_TTS_INSTRUCTION": "你在讲故事，你说话的情感是happy。", "VOICE_CALL_TTS_MODEL": model}
    async with calling(lines, {"speaker": voice}, **asked) as (caller, vendor):
        frames = await caller.turn()
        (task,) = vendor.stats()["tts"]["requests"]

    assert names(frames) == TURN
    assert task["json"]["parameters"].get("instruction") == told


def script(**parts: Any) -> Script:
    return Script.model_validate(parts)


def models_asked(vendor: EmulatorHandle) -> list[str]:
    stats = vendor.stats()
    return [stats[stage]["requests"][0]["json"]["model"] for stage in ("asr", "chat", "tts")]


async def test_two_turns_with_dashscope_in_every_stage() -> None:
    lines = script(hears=["今天天气怎么样？", "那明天呢？"], replies=["还不错呀。", "明天下雨。"])
    async with calling(lines) as (caller, vendor):
        first = await caller.turn()
        second = await caller.turn()
        stats, models = vendor.stats(), models_asked(vendor)

    assert names(first) == names(second) == TURN
    assert first[0] == EventFrame("SentenceRecognized", {"sentence": "今天天气怎么样？"})
    assert first[1] == EventFrame("TTSSentenceStart", {"sentence": "还不错呀。"})
    assert isinstance(first[2], AudioFrame)
    assert first[2].data[:2] in (b"\xff\xf3", b"\xff\xfb"), "a whole MP3 begins with a frame's sync word"
    assert models == ["paraformer-realtime-v2", "qwen-flash", "cosyvoice-v2"]
    assert stats["chat"]["requests"][0]["json"]["enable_thinking"] is False
    assert stats["inference"]["handshakes"] <= 4, "connections are kept across turns"


@pytest.mark.parametrize("audio_format", ["pcm", "opus", "mp3"])
async def test_a_long_reply_comes_sentence_by_sentence_in_every_format(audio_format: str) -> None:
    reply = "我今天去看展了，特别好看！你要不要一起去？下周还有。"
    query = {"audio_format": audio_format}
    async with calling(script(hears=["你好"], replies=[reply], tone={"ms_per_char": 30}), query) as (caller, _):
        frames = await caller.turn()

    said = [frame.payload["sentence"] for frame in frames if isinstance(frame, EventFrame) and "TTSS" in frame.event]
    assert "".join(said) == reply
    assert names(frames) == ["SentenceRecognized", *["TTSSentenceStart", "audio"] * 3, "TTSDone"]


@pytest.mark.parametrize("hears", ["dashscope", "emulator"])
@pytest.mark.parametrize("thinks", ["dashscope", "emulator"])
@pytest.mark.parametrize("speaks", ["dashscope", "emulator"])
async def test_any_mix_of_families_holds_a_call(hears: str, thinks: str, speaks: str) -> None:
    lines = script(hears=["你好"], replies=["好呀，你呢？"], tone={"ms_per_char": 30})
    providers = {"ASR_PROVIDER": hears, "LLM_PROVIDER": thinks, "TTS_PROVIDER": speaks}
    async with calling(lines, None, **providers) as (caller, vendor):
        frames = await caller.turn()
        stats = vendor.stats()

    assert names(frames) == TURN
    assert frames[1] == EventFrame("TTSSentenceStart", {"sentence": "好呀，你呢？"})
    asked = {stage: stats[stage]["requests"][0] for stage in ("asr", "tts")}
    assert ("task" in asked["asr"], "task" in asked["tts"]) == (hears == "dashscope", speaks == "dashscope")
    assert stats["chat"]["requests"][0]["path"].startswith("/compatible-mode" if thinks == "dashscope" else "/api/v3")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"service": "chat", "kind": "refuse", "status": 401}, "LLMFailed"),
    ({"service": "chat", "kind": "error", "code": "data_inspection_failed"}, "LLMFailed"),
    ({"service": "tts", "kind": "fail", "code": "InvalidParameter"}, "TTSFailed"),
    ({"service": "tts", "kind": "fail", "code": "InternalError", "at": "mid"}, "TTSFailed"),
    ({"service": "tts", "kind": "stall", "at": "mid"}, "TTSTimeout"),
    ({"service": "tts", "kind": "cut", "at": "mid"}, "TTSFailed"),
    ({"service": "tts", "kind": "garbage", "at": "mid"}, "TTSFailed"),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS, ids=["-".join(map(str, fault.values())) for fault, _ in FAULTS])
async def test_a_service_that_fails_in_a_turn_is_told_and_the_next_turn_works(fault: dict[str, Any], code: str) -> None:
    lines = script(
        hears=["一", "二二"], replies_always="好的，没问题呀。行。", faults=[fault], tone={"ms_per_char": 40}
    )
    async with calling(lines, None, **deadlines_for(code)) as (caller, _):
        failed = await caller.turn()
        again = await caller.turn()

    errors = [frame.payload["error"] for frame in failed if isinstance(frame, EventFrame) and "Error" in frame.event]
    assert [error["code"] for error in errors] == [code]
    assert names(failed)[-2:] == ["BotError", "TTSDone"]
    assert "BotError" not in names(again)
    assert "sk-secret" not in str(failed)


@pytest.mark.parametrize("fault", [{"kind": "error", "code": "InvalidParameter"}, {"kind": "cut", "at": "mid"}])
async def test_a_recogniser_that_fails_is_told_and_the_next_utterance_is_heard(fault: dict[str, Any]) -> None:
    lines = script(hears_always="你好", replies=["好。"], faults=[{"service": "asr", **fault}])
    async with calling(lines) as (caller, _):
        await caller.speak()
        assert (await caller.event()).payload["error"]["code"] == "ASRFailed"
        assert names(await caller.turn()) == TURN


async def test_a_voice_that_is_cut_off_is_cancelled_and_speaks_the_next_reply() -> None:
    lines = script(
        hears=["讲个故事", "等一下"],
        replies=[
            {"text": "从前有一座山。山上有一座庙。", "tokens": ["从前有一座山。", "山上有一座庙。"]},
            {"text": "好，我等你。", "tokens": ["好，我等你。"]},
        ],
        timing={"token_ms": 15_000},
    )
    async with calling(lines, {"delivery": "stream"}, LLM_TIMEOUT_S="20") as (caller, vendor):
        await caller.speak()
        await caller.until("TTSSentenceStart")
        await caller.send("BotInterrupt")
        await caller.until("TTSDone")
        frames = await caller.turn()
        cancelled = [task["cancelled"] for task in vendor.stats()["tts"]["requests"]]

    assert names(frames)[:2] == ["SentenceRecognized", "TTSSentenceStart"]
    assert cancelled == [True, False]
