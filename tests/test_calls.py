"""Whole calls: our wire, the real adapters, and the vendors' wires on this machine, over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backend import compose
from backend.call.listening import ListeningLimits
from backend.call.machine import CallLimits
from backend.call.turn_end import EndpointLimits
from backend.protocol.frames import AudioFrame, EventFrame
from backend.settings import load
from emulator.script import Script
from tests.providers.odd_vendor import until
from tests.support.caller import Caller, dialled, names
from tests.support.deadlines import deadlines, deadlines_for
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.switchboard import Switchboard, answering

TURN = ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]


PROMPT = CallLimits(listening=ListeningLimits(retry_s=0.01, endpoint=EndpointLimits(0, 0, 0, 0)))


@asynccontextmanager
async def calling(
    script: Script, query: Mapping[str, str] | None = None, **values: str
) -> AsyncIterator[tuple[Caller, EmulatorHandle]]:
    """A call whose three services are the emulator's, with deadlines that nothing meets unless it is meant to."""
    async with running_emulator(script) as vendor:
        settings = load(
            {
                "EMULATOR_ENGINE": "scripted",
                "EMULATOR_PORT": str(vendor.port),
                **deadlines("10"),
                **values,
            }
        )
        providers = compose.providers(settings)
        await providers.model.warm()
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=replace(
                compose.limits(settings.call),
                call=CallLimits(listening=ListeningLimits(retry_s=0.01, endpoint=EndpointLimits(0, 0, 0, 0))),
            ),
        )
        try:
            async with answering(board), dialled(board.url, headers=None, **(query or {})) as caller:
                yield caller, vendor
        finally:
            await providers.aclose()


def script(**parts: Any) -> Script:
    return Script.model_validate(parts)


async def test_two_turns_over_the_vendors_wires() -> None:
    lines = script(hears=["今天天气怎么样？", "那明天呢？"], replies=["还不错呀。", "明天下雨。"])
    async with calling(lines) as (caller, vendor):
        first = await caller.turn()
        second = await caller.turn()
        stats = vendor.stats()

    assert names(first) == names(second) == TURN
    assert first[0] == EventFrame("SentenceRecognized", {"sentence": "今天天气怎么样？"})
    assert first[1] == EventFrame("TTSSentenceStart", {"sentence": "还不错呀。"})
    assert isinstance(first[2], AudioFrame)
    assert first[2].data[:2] in (b"\xff\xf3", b"\xff\xfb", b"ID"), "a whole MP3 begins with a frame's sync word"
    assert stats["tts"]["handshakes"] == 1, "the connection is kept across turns"


async def test_a_long_reply_comes_sentence_by_sentence() -> None:
    reply = "我今天去看展了，特别好看！你要不要一起去？下周还有。"
    async with calling(script(hears=["你好"], replies=[reply])) as (caller, _):
        frames = await caller.turn()

    said = [frame.payload["sentence"] for frame in frames if isinstance(frame, EventFrame) and "TTSS" in frame.event]
    assert "".join(said) == reply
    assert names(frames) == ["SentenceRecognized", *["TTSSentenceStart", "audio"] * len(said), "TTSDone"]
    assert len(said) >= 3


@pytest.mark.parametrize("audio_format", ["pcm", "opus", "mp3"])
async def test_sound_comes_in_the_format_that_was_asked_for(audio_format: str) -> None:
    query = {"audio_format": audio_format, "sample_rate": "16000", "delivery": "stream"}
    async with calling(script(hears=["你好"], replies=["好。"], tone={"ms_per_char": 500}), query) as (caller, _):
        frames = await caller.turn()

    sound = b"".join(frame.data for frame in frames if isinstance(frame, AudioFrame))
    if audio_format == "pcm":
        assert len(sound) == 2 * 500 * 32
    else:
        assert sound.startswith({"opus": b"OggS", "mp3": b"\xff"}[audio_format])


async def test_a_voice_of_the_second_generation_speaks_sentence_by_sentence_too() -> None:
    async with calling(script(hears=["你好"], replies=["我今天很好。你呢，过得怎么样？"])) as (caller, _):
        await caller.send("BotUpdateConfig", {"speaker": "zh_female_vv_uranus_bigtts"})
        frames = await caller.turn()

    said = [frame.payload["sentence"] for frame in frames if isinstance(frame, EventFrame) and "TTSS" in frame.event]
    assert said == ["我今天很好。", "你呢，过得怎么样？"]


@pytest.mark.parametrize("mode", ["bigmodel_async", "bigmodel", "bigmodel_nostream"])
async def test_each_recognition_path_ends_an_utterance(mode: str) -> None:
    lines = script(hears=[{"text": "你好", "after_ms": None}], replies=["好。"])
    async with calling(lines, VOICE_CALL_ASR_MODEL=mode, ASR_END_WINDOW_MS="300") as (caller, _):
        await caller.speak(600)
        for _ in range(10):
            await caller.silence(100)
        frames = await caller.until("TTSDone")

    assert names(frames) == TURN


async def test_what_is_spoken_is_made_speakable_first() -> None:
    lines = script(hears=["你好"], replies=["**好呀**😀（笑）！"])
    async with calling(lines) as (caller, _):
        frames = await caller.turn()

    assert frames[1] == EventFrame("TTSSentenceStart", {"sentence": "好呀！"})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["好的我想想看哦今", "天应该可以的吧，", "走！"]),
        ({"VOICE_CALL_TTS_FIRST_CHARS": "4"}, ["好的我想", "想看哦今天应该可以的吧，", "走！"]),
        ({"VOLC_TTS_TAKES_TOKENS": "true"}, ["好的", "我想", "想看", "哦今", "天应", "该可", "以的", "吧，", "走！"]),
    ],
)
async def test_the_model_s_tokens_reach_the_voice_in_chunks(values: dict[str, str], expected: list[str]) -> None:
    lines = script(hears=["你好"], replies=["好的我想想看哦今天应该可以的吧，走！"])
    async with calling(lines, None, **values) as (caller, vendor):
        await caller.turn()
        texts = vendor.stats()["tts"]["requests"][-1]["texts"]

    assert [text for text in texts if text] == expected


@pytest.mark.parametrize("barge_in", ["true", "false"])
async def test_after_the_first_turn_no_hand_is_shaken_between_the_end_of_speech_and_the_first_sound(
    barge_in: str,
) -> None:
    hears = [{"text": f"第{turn}句话吗？", "partials": [f"第{turn}句"], "after_ms": 300} for turn in range(10)]
    lines = script(
        hears=hears, replies_always="好的呀，没问题。", timing={"first_token_ms": 20, "tts_first_byte_ms": 20}
    )
    async with calling(lines, {"barge_in": barge_in, "delivery": "stream"}) as (caller, vendor):
        for turn in range(1, 11):
            await caller.speak(200)
            if barge_in == "true":  # in time for the listening that begins with the reply, while the caller speaks
                await vendor.shaken("asr", turn + 1)
            await caller.speak(100)
            await caller.until("TTSDone")
        stamps = vendor.stats()["stamps"]
        late = opened_for_chat(vendor)

    at = {what: [stamp["ns"] for stamp in stamps if stamp["what"] == what] for what in ("definite", "first_audio")}
    assert len(at["definite"]) == 10
    shaken = [
        (stamp["text"], turn)
        for stamp in stamps
        if stamp["what"] == "handshake"
        for turn, (began, ended) in enumerate(zip(at["definite"], at["first_audio"], strict=True), 1)
        if began <= stamp["ns"] <= ended
    ]
    assert [each for each in shaken if each[1] > 1] == []
    assert late == []


def opened_for_chat(vendor: EmulatorHandle) -> list[int]:
    """Turns between whose end of speech and first sound a connection was opened for chat, or to be ready for it."""
    stats = vendor.stats()
    at = {
        what: [each["ns"] for each in stats["stamps"] if each["what"] == what] for what in ("definite", "first_audio")
    }
    opened = [each["ns"] for each in stats["connections"] if not each["path"] or each["path"].endswith("completions")]
    waits = list(zip(at["definite"], at["first_audio"], strict=True))
    return [turn for ns in opened for turn, (began, ended) in enumerate(waits, 1) if began <= ns <= ended]


async def test_after_a_reply_was_cut_off_the_chat_has_a_connection_ready_for_the_next_turn() -> None:
    story = "从前有一座山，山里有一座庙，庙里有一个老和尚，老和尚在讲故事。" * 8
    hears = [{"text": "等一下，讲个故事吧。", "after_ms": 600, "partials": ["等一下"]}] * 4
    lines = script(
        hears=hears,
        replies_always=story,
        tone={"ms_per_char": 200},
        timing={"tts_piece_ms": 100, "first_token_ms": 20, "token_ms": 20},
    )
    async with calling(lines, {"barge_in": "true", "delivery": "stream"}) as (caller, vendor):
        await caller.speak(600)
        for _ in range(3):
            await caller.until("TTSSentenceStart")
            await caller.speak(500)  # the model is still at its story
            await caller.until("BotInterrupted")
            await until(lambda: vendor.house.stats.door.waiting >= 2)
            await caller.speak(100)
        await caller.until("TTSSentenceStart")
        late, chat = opened_for_chat(vendor), vendor.stats()["chat"]

    assert late == []
    assert chat["sessions_per_socket"] == [1] * 4


async def test_words_over_the_reply_cancel_it_at_the_vendor_and_its_connection_serves_the_next() -> None:
    hears = [
        {"text": "讲个故事吧。", "after_ms": 300},
        {"text": "等一下，我有个问题。", "after_ms": 600, "partials": ["等一下"]},
    ]
    replies = ["从前有一座山，山里有一座庙，庙里有一个老和尚，老和尚在讲故事。", "你问吧。"]
    lines = script(hears=hears, replies=replies, tone={"ms_per_char": 200}, timing={"tts_piece_ms": 100})
    query = {"barge_in": "true", "delivery": "stream", "turn_ids": "true"}
    async with calling(lines, query) as (caller, vendor):
        await caller.speak(300)
        told = await caller.until("TTSSentenceStart")
        await caller.speak(600)
        cut = await caller.until("TTSDone")
        answered = await caller.until("TTSDone")
        tts = vendor.stats()["tts"]

    assert [frame.turn for frame in told] == [1, 1]
    assert names(cut)[-2:] == ["BotInterrupted", "TTSDone"]
    assert {frame.turn for frame in answered} == {2}
    assert answered[0] == EventFrame("SentenceRecognized", {"sentence": "等一下，我有个问题。"}, 2)
    assert [request["cancelled"] for request in tts["requests"]] == [True, False]
    assert tts["sessions_per_socket"] == [2]


VENDOR_FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("chat", {"kind": "refuse", "status": 401, "code": "AuthenticationError"}, "LLMFailed"),
    ("chat", {"kind": "refuse", "status": 429, "code": "QuotaExceeded"}, "LLMFailed"),
    ("chat", {"kind": "stall"}, "LLMTimeout"),
    ("chat", {"kind": "stall", "at": "mid"}, "LLMTimeout"),
    ("chat", {"kind": "cut", "at": "mid"}, "LLMFailed"),
    ("chat", {"kind": "error", "at": "mid", "code": "InternalServiceError"}, "LLMFailed"),
    ("tts", {"kind": "refuse", "status": 403, "code": 45000030}, "TTSFailed"),
    ("tts", {"kind": "fail", "code": 45000000}, "TTSFailed"),
    ("tts", {"kind": "error", "code": 55000000, "at": "mid"}, "TTSFailed"),
    ("tts", {"kind": "stall"}, "TTSTimeout"),
    ("tts", {"kind": "stall", "at": "mid"}, "TTSTimeout"),
    ("tts", {"kind": "cut", "at": "mid"}, "TTSFailed"),
    ("tts", {"kind": "garbage", "at": "mid"}, "TTSFailed"),
]


@pytest.mark.parametrize(
    ("service", "fault", "code"),
    VENDOR_FAULTS,
    ids=[f"{s}-{'-'.join(map(str, f.values()))}" for s, f, _ in VENDOR_FAULTS],
)
async def test_a_vendor_that_fails_in_a_turn_is_told_and_the_next_turn_works(
    service: str, fault: dict[str, Any], code: str
) -> None:
    lines = script(
        hears=["一", "二二"],
        replies_always="好的，没问题呀。行。",
        faults=[{"service": service, "nth": None, **fault}],
        tone={"ms_per_char": 40},
    )
    async with calling(lines, None, **deadlines_for(code)) as (caller, vendor):
        failed = await caller.turn()
        errors = [
            frame.payload["error"] for frame in failed if isinstance(frame, EventFrame) and "Error" in frame.event
        ]
        assert [error["code"] for error in errors] == [code], errors
        assert names(failed)[-2:] == ["BotError", "TTSDone"]
        if service == "tts" and not code.endswith("Timeout") and fault["kind"] != "refuse":
            assert "log id" in errors[0]["message"]
        vendor.script(script(hears=["二二"], replies=["好的。"]))
        assert names(await caller.turn()) == TURN


ASR_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "refuse", "status": 401, "code": 45000010}, "ASRFailed"),
    ({"kind": "error", "code": 45000001}, "ASRFailed"),
    ({"kind": "error", "code": 45000292, "at": "mid"}, "ASRFailed"),
    ({"kind": "stall"}, "ASRTimeout"),
    ({"kind": "cut", "at": "mid"}, "ASRFailed"),
    ({"kind": "garbage", "at": "mid"}, "ASRFailed"),
]


@pytest.mark.parametrize(
    ("fault", "code"), ASR_FAULTS, ids=["-".join(map(str, fault.values())) for fault, _ in ASR_FAULTS]
)
async def test_a_recogniser_that_fails_is_told_and_the_next_utterance_is_heard(
    fault: dict[str, Any], code: str
) -> None:
    lines = script(hears_always="你好", faults=[{"service": "asr", "nth": None, **fault}])
    async with calling(lines, None, **deadlines_for(code)) as (caller, vendor):
        await caller.speak()
        assert (await caller.event()).payload["error"]["code"] == code
        vendor.script(script(hears_always="你好", replies=["好。"]))
        heard = [name for name in names(await caller.turn()) if name != "BotError"]  # of tries before the fault's end
        assert heard == TURN


async def test_a_client_hears_no_secret_whatever_a_vendor_says() -> None:
    lines = script(
        hears=["你好"], faults=[{"service": "tts", "kind": "refuse", "status": 401, "message": "key emulator"}]
    )
    async with calling(lines) as (caller, _):
        assert "key emulator" not in str(await caller.turn())


async def test_audio_sent_faster_than_it_was_spoken_is_heard_whole() -> None:
    lines = script(hears=[{"text": "说完了", "after_ms": 20_000}], replies=["好。"])
    async with calling(lines) as (caller, _):
        await caller.speak(20_000)
        assert names(await caller.until("TTSDone")) == TURN
