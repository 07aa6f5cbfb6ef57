"""CosyVoice over real sockets: against the emulator, and against a bare server for odd cases."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import av
import pytest

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import SentenceBegan, SentenceEnded, Sound, Speech, SpeechItem, SpeechOptions, SpeechUsage
from backend.providers.dashscope.config import CosyVoiceConfig, SocketConfig
from backend.providers.dashscope.tts import CosyVoiceSynthesizer
from emulator.script import Fault, Kind, Limits, Script, Timing, Tone
from tests.emulator.dashscope_dial import TASK, golden
from tests.providers.odd_vendor import Caller, odd_vendor, until
from tests.support.emulator import EmulatorHandle, running_emulator

KEY = "sk-very-secret"
VOICE = "longhua_v2"
SOON_S = 0.05
MORE_THAN_SOCKETS_HOLD = 12_000_000
HASTY = {"settle_timeout_s": SOON_S}
SHORT = Script(tone=Tone(ms_per_char=40))
TEXTS = ("今天天", "气不错。我们去公", "园吧")


@asynccontextmanager
async def voice_of(
    url: str, socket: dict[str, Any] | None = None, **wishes: Any
) -> AsyncIterator[CosyVoiceSynthesizer]:
    """A synthesiser for one service; deadlines stay long, but for the one that a test is about."""
    config = CosyVoiceConfig(SocketConfig(KEY, url, retry_backoff_s=0.0, **(socket or {})), **wishes)
    synthesizer = CosyVoiceSynthesizer(config)
    yield synthesizer
    await synthesizer.aclose()


async def rest(speech: Speech) -> list[SpeechItem]:
    return [item async for item in speech]


async def spoken(synthesizer: CosyVoiceSynthesizer, *texts: str, **more: Any) -> list[SpeechItem]:
    """One whole reply."""
    async with synthesizer.open(SpeechOptions(**{"voice": VOICE, **more})) as speech:
        for text in texts:
            await speech.say(text)
        await speech.finish()
        return await rest(speech)


def without_sound(items: list[SpeechItem]) -> list[SpeechItem]:
    return [item for item in items if not isinstance(item, Sound)]


def sound_of(items: list[SpeechItem]) -> list[bytes]:
    """Of each sentence."""
    sentences: list[bytes] = []
    for item in items:
        if isinstance(item, SentenceBegan):
            sentences.append(b"")
        elif isinstance(item, Sound):
            sentences[-1] += item.data
    return sentences


def tasks(vendor: EmulatorHandle) -> list[dict[str, Any]]:
    """What was asked for, oldest first."""
    asked: list[dict[str, Any]] = vendor.stats()["tts"]["requests"]
    return asked


def sound_ms(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        return float(sum(1000 * frame.samples / frame.sample_rate for frame in container.decode(audio=0)))


@pytest.mark.parametrize("audio_format", ["mp3", "pcm", "opus"])
async def test_a_reply_is_spoken_sentence_by_sentence_and_paid_for(audio_format: Any) -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        items = await spoken(synthesizer, *TEXTS, audio_format=audio_format)

    assert without_sound(items) == [
        *(SentenceBegan("今天天气不错。"), SentenceEnded(), SentenceBegan("我们去公园吧"), SentenceEnded()),
        SpeechUsage(13 + 12),  # a Han character counts twice
    ]
    assert isinstance(items[1], Sound)


async def test_tokens_go_up_as_they_come_in_one_task() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        await spoken(synthesizer, *TEXTS)
        (task,) = tasks(vendor)

    assert synthesizer.takes_tokens
    assert (task["texts"], task["finished"], task["cancelled"]) == (list(TEXTS), True, False)


@pytest.mark.parametrize("audio_format", ["mp3", "opus"])
async def test_the_sound_of_each_sentence_decodes_on_its_own(audio_format: Any) -> None:
    text = "今天天气不错。我们去公园吧，好不好呀？好。"
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        items = await spoken(synthesizer, text, audio_format=audio_format)

    lengths_ms = [sound_ms(sound) for sound in sound_of(items)]
    names = [item.text for item in items if isinstance(item, SentenceBegan)]
    assert "".join(names) == text
    for length_ms, name in zip(lengths_ms, names, strict=True):
        assert -1 <= length_ms - 40 * len(name) <= 80, "nothing is lost; an MP3 encoder pads"


async def test_opus_gets_a_task_for_each_sentence_on_one_connection() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        items = await spoken(synthesizer, *TEXTS, audio_format="opus")
        texts = [task["texts"] for task in tasks(vendor)]
        stats = vendor.stats()["inference"]

    assert texts == [["今天天气不错。"], ["我们去公园吧"]]
    assert [sound[:4] for sound in sound_of(items)] == [b"OggS"] * 2
    assert stats["sessions_per_socket"] == [2]


@pytest.mark.parametrize(
    ("wishes", "more", "expected"),
    [
        ({}, {}, {"format": "mp3", "sample_rate": 24000, "volume": 50, "rate": 1.0, "pitch": 1.0}),
        ({"pitch": 1.1}, {"rate": 1.2, "volume": 0.8}, {"volume": 40, "rate": 1.2, "pitch": 1.1}),
        (
            {},
            {"audio_format": "opus", "sample_rate_hz": 16000},
            {"format": "opus", "sample_rate": 16000, "bit_rate": 32},
        ),
        ({"instruction": "慢慢说"}, {"emotion": "happy"}, {"instruction": None}),
        (
            {"model": "cosyvoice-v3-flash"},
            {"voice": "longanhuan", "emotion": "happy"},
            {"voice": "longanhuan", "instruction": "你说话的情感是happy。"},
        ),
        (
            {"model": "cosyvoice-v3-flash", "instruction": "慢慢说"},
            {"voice": "longanhuan", "emotion": "happy"},
            {"instruction": "你说话的情感是happy。"},
        ),
        (
            {"model": "cosyvoice-v3-flash", "instruction": "你正在闲聊，你说话的情感是sad。"},
            {"voice": "longanhuan", "emotion": "happy"},
            {"instruction": "你正在闲聊，你说话的情感是sad。"},
        ),
        (
            {"model": "cosyvoice-v3-flash", "instruction": "慢慢说"},
            {"voice": "longxiaochun_v3"},
            {"instruction": None},
        ),
    ],
)
async def test_the_voice_sounds_as_asked(
    wishes: dict[str, Any], more: dict[str, Any], expected: dict[str, Any]
) -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url, **wishes) as synthesizer:
        await spoken(synthesizer, "你好呀", **more)
        asked = tasks(vendor)[0]["json"]

    assert asked["model"] == wishes.get("model", "cosyvoice-v2")
    assert {key: asked["parameters"].get(key) for key in expected} == expected


async def test_many_turns_need_one_handshake_and_tasks_of_their_own() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        await synthesizer.warm(VOICE)
        for _ in range(3):
            await spoken(synthesizer, "你好呀，朋友。")
        stats = vendor.stats()["inference"]
        idents = {task["task"] for task in tasks(vendor)}

    assert (stats["handshakes"], stats["sessions_per_socket"]) == (1, [3])
    assert len(idents) == 3


async def test_a_reply_that_is_cut_off_is_cancelled_and_its_connection_speaks_again() -> None:
    script = SHORT.model_copy(update={"timing": Timing(tts_piece_ms=60_000)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE, "pcm")) as speech:
            await speech.say("这是一句很长很长很长很长的话。")
            items = aiter(speech)
            assert isinstance(await anext(items), SentenceBegan)
            await speech.cancel()
            assert await rest(speech) == []
            await until(lambda: tasks(vendor)[0]["cancelled"])
        vendor.script(SHORT)
        again = await spoken(synthesizer, "好的呀。")
        stats = vendor.stats()

    assert [task["cancelled"] for task in stats["tts"]["requests"]] == [True, False]
    assert stats["inference"]["sessions_per_socket"] == [2]
    assert SentenceBegan("好的呀。") in again


async def test_a_caller_who_leaves_in_mid_reply_cancels_it() -> None:
    script = SHORT.model_copy(update={"timing": Timing(tts_first_byte_ms=60_000)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        async with synthesizer.open(SpeechOptions(VOICE)) as speech:
            await speech.say("这句话没有人听。")
        await until(lambda: tasks(vendor)[0]["cancelled"])


@pytest.mark.parametrize("audio_format", ["mp3", "opus"])
async def test_a_reply_with_nothing_to_say_costs_nothing(audio_format: Any) -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        assert await spoken(synthesizer, "……", audio_format=audio_format) == []
        await until(lambda: tasks(vendor)[0]["cancelled"])


HURRIED = SHORT.model_copy(update={"limits": Limits(task_gap_ms=400)})


@pytest.mark.parametrize("audio_format", ["mp3", "pcm"])
async def test_a_task_is_renewed_before_the_service_gives_it_up_while_the_model_thinks(audio_format: Any) -> None:
    async with (
        running_emulator(HURRIED) as vendor,
        voice_of(vendor.dashscope_ws_url, renew_s=0.1) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE, audio_format)) as speech,
    ):
        reading = asyncio.ensure_future(rest(speech))
        await until(lambda: len(tasks(vendor)) > 6)  # by then the first one would have been failed
        await speech.say("想了很久呀。")
        await speech.finish()
        items = await reading
        stats = vendor.stats()

    assert without_sound(items) == [SentenceBegan("想了很久呀。"), SentenceEnded(), SpeechUsage(11)]
    assert stats["tts"]["errors"] == []
    assert [task["texts"] for task in stats["tts"]["requests"] if task["texts"]] == [["想了很久呀。"]]
    assert stats["inference"]["handshakes"] <= 2, "connections are used by turns"


async def test_a_sentence_that_comes_when_the_service_has_given_up_gets_a_new_task() -> None:
    async with (
        running_emulator(HURRIED) as vendor,
        voice_of(vendor.dashscope_ws_url, renew_s=0.1) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE, "opus")) as speech,
    ):
        await until(lambda: vendor.stats()["tts"]["errors"] == ["CLIENT_ERROR"])
        await speech.say("想了很久呀。")
        await speech.finish()

        assert without_sound(await rest(speech)) == [*(SentenceBegan("想了很久呀。"), SentenceEnded(), SpeechUsage(11))]


async def test_a_reply_that_never_gets_words_ends_in_the_middle_of_a_renewal() -> None:
    stalls = HURRIED.model_copy(update={"faults": (Fault(service="tts", kind=Kind.STALL, nth=2),)})
    async with (
        running_emulator(stalls) as vendor,
        voice_of(vendor.dashscope_ws_url, renew_s=0.1) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        reading = asyncio.ensure_future(rest(speech))
        await until(lambda: len(tasks(vendor)) == 2)
        await speech.finish()

        assert await reading == []


async def test_a_dead_connection_is_replaced_in_silence() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        await spoken(synthesizer, "你好呀。")
        for socket in set(vendor.house.sockets):
            await socket.close()
        assert SentenceBegan("还在呢。") in await spoken(synthesizer, "还在呢。")


@pytest.mark.parametrize("at", ["start", "mid"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameter", ProviderRefused),
        ("DataInspectionFailed", ContentRefused),
        ("Throttling.RateQuota", ProviderUnavailable),
    ],
)
async def test_a_failed_task_is_our_error_with_its_code_and_the_tasks_id(
    code: str, kind: type[ProviderError], at: Any
) -> None:
    fault = Fault(service="tts", kind=Kind.FAIL, nth=None, at=at, code=code, message=f"no {KEY}")
    script = SHORT.model_copy(update={"faults": (fault,)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        with pytest.raises(kind) as failed:
            await spoken(synthesizer, "你好呀。")
        task = tasks(vendor)[-1]["task"]

    assert type(failed.value) is kind
    assert (failed.value.code, failed.value.vendor_code, failed.value.log_id) == ("TTSFailed", code, task)
    assert KEY not in str(failed.value)


async def test_a_voice_of_another_version_is_refused_at_once() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        await synthesizer.warm(VOICE)
        with pytest.raises(ProviderRefused, match="418"):
            await spoken(synthesizer, "你好呀。", voice="longhua")
        assert vendor.stats()["tts"]["sessions"] == 1


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.CUT, Kind.WRONG_SESSION])
async def test_a_connection_that_talks_nonsense_serves_nobody_again(kind: Kind) -> None:
    fault = Fault(service="tts", kind=kind, at="mid")
    script = SHORT.model_copy(update={"faults": (fault,)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url, HASTY) as synthesizer:
        with pytest.raises(ProviderUnavailable):
            await spoken(synthesizer, "你好呀。今天好吗？")
        assert SentenceBegan("还在呢。") in await spoken(synthesizer, "还在呢。")
        sessions = vendor.stats()["inference"]["sessions_per_socket"]

    assert sessions == [1, 1]


async def test_an_event_before_the_task_has_begun_costs_the_connection_only() -> None:
    fault = Fault(service="tts", kind=Kind.WRONG_ORDER)
    script = SHORT.model_copy(update={"faults": (fault,)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        assert SentenceBegan("你好呀。") in await spoken(synthesizer, "你好呀。")
        assert vendor.stats()["inference"]["handshakes"] == 2


@pytest.mark.parametrize(
    ("at", "socket", "wishes", "audio_format"),
    [
        ("start", {"start_timeout_s": SOON_S}, {}, "mp3"),
        ("mid", HASTY, {"gap_timeout_s": SOON_S}, "mp3"),
        ("mid", HASTY, {"gap_timeout_s": SOON_S}, "opus"),
    ],
)
async def test_a_service_that_stalls_is_a_timeout(
    at: Any, socket: dict[str, Any], wishes: dict[str, Any], audio_format: Any
) -> None:
    script = SHORT.model_copy(update={"faults": (Fault(service="tts", kind=Kind.STALL, at=at),)})
    async with running_emulator(script) as vendor, voice_of(vendor.dashscope_ws_url, socket, **wishes) as synthesizer:
        with pytest.raises(ProviderTimeout) as late:
            await spoken(synthesizer, "你好呀。今天好吗？", audio_format=audio_format)

    assert late.value.code == "TTSTimeout"


@pytest.mark.timeout(20)
async def test_a_service_that_speaks_and_then_reads_no_more_ends_the_reply_and_holds_nobody_else_up() -> None:
    async def talk(caller: Caller) -> None:
        task_id = json.loads(await caller.connection.recv())["header"]["task_id"]
        await caller.send(golden("srv.task-started").replace(TASK, task_id))
        await caller.connection.recv()
        await caller.send(b"aa")
        caller.connection.transport.pause_reading()
        await caller.connection.wait_closed()

    async with (
        odd_vendor(talk) as url,
        voice_of(url, {"send_timeout_s": SOON_S}) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE, "pcm")) as speech,
    ):
        await speech.say("一二三四。")
        assert [await anext(aiter(speech)), await anext(aiter(speech))] == [SentenceBegan("一二三四。"), Sound(b"aa")]
        await speech.say("x" * MORE_THAN_SOCKETS_HOLD)
        with pytest.raises(ProviderUnavailable, match="took nothing in"):
            await rest(speech)


async def test_the_first_sound_has_a_deadline() -> None:
    script = SHORT.model_copy(update={"timing": Timing(tts_first_byte_ms=60_000)})
    async with (
        running_emulator(script) as vendor,
        voice_of(vendor.dashscope_ws_url, HASTY, first_audio_timeout_s=SOON_S) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)) as speech,
    ):
        await speech.say("你好呀。")
        with pytest.raises(ProviderTimeout, match="first sound"):
            await rest(speech)


async def test_more_calls_than_connections_wait_and_then_are_told() -> None:
    socket = {"max_connections": 1, "acquire_timeout_s": SOON_S}
    async with (
        running_emulator(SHORT) as vendor,
        voice_of(vendor.dashscope_ws_url, socket) as synthesizer,
        synthesizer.open(SpeechOptions(VOICE)),
    ):
        with pytest.raises(ProviderTimeout, match="all 1 connections"):
            await spoken(synthesizer, "你好呀。")


def quiet_service(*told: tuple[str, bytes]) -> Any:
    """One that speaks without any event about sentences: for each task, its sound."""

    async def talk(caller: Caller) -> None:
        sounds = dict(told)
        async for message in caller.connection:
            command = json.loads(message)
            task_id = command["header"]["task_id"]
            match command["header"]["action"]:
                case "run-task":
                    await caller.send(golden("srv.task-started").replace(TASK, task_id))
                case "continue-task":
                    await caller.send(sounds[command["payload"]["input"]["text"]])
                case "finish-task":
                    await caller.send(golden("tts.task-finished").replace(TASK, task_id))

    return talk


async def test_a_service_that_tells_no_sentences_is_believed_once_and_then_asked_one_by_one() -> None:
    talk = quiet_service(("一二三四。五六七八。", b"\0" * 9), ("一二三四。", b"\1" * 8), ("五六七八。", b"\2" * 8))
    async with odd_vendor(talk) as url, voice_of(url) as synthesizer:
        first = await spoken(synthesizer, "一二三四。五六七八。", audio_format="pcm")
        second = await spoken(synthesizer, "一二三四。五六七八。", audio_format="pcm")

    assert first == [SentenceBegan("一二三四。五六七八。"), Sound(b"\0" * 8), SentenceEnded(), SpeechUsage(10)]
    assert second == [
        *(SentenceBegan("一二三四。"), Sound(b"\1" * 8), SentenceEnded()),
        *(SentenceBegan("五六七八。"), Sound(b"\2" * 8), SentenceEnded()),
        SpeechUsage(20),
    ]


async def test_sound_between_two_sentences_is_the_next_ones_and_after_the_last_its_own() -> None:
    def told(kind: str, text: str) -> str:
        output = {"type": kind, "original_text": text, "sentence": {"index": 0, "words": []}}
        header = {"task_id": TASK, "event": "result-generated", "attributes": {}}
        return json.dumps({"header": header, "payload": {"output": output}})

    first, second = "一二三四。", "五六七八。"
    early: list[str | bytes] = [told("sentence-begin", first), b"aa", told("sentence-end", first), b"bb"]
    late: list[str | bytes] = [told("sentence-begin", second), b"cc", told("sentence-end", second), b"dd"]

    async def talk(caller: Caller) -> None:
        task_id = json.loads(await caller.connection.recv())["header"]["task_id"]
        await caller.send(golden("srv.task-started").replace(TASK, task_id))
        await caller.connection.recv()
        for message in early:
            await caller.send(message if isinstance(message, bytes) else message.replace(TASK, task_id))
        while "finish-task" not in str(await caller.connection.recv()):
            pass
        for message in (*late, golden("tts.task-finished")):
            await caller.send(message if isinstance(message, bytes) else message.replace(TASK, task_id))
        await caller.until_gone()

    async with odd_vendor(talk) as url, voice_of(url) as synthesizer:
        items = await spoken(synthesizer, first, second, audio_format="pcm")

    assert sound_of(items) == [b"aa", b"bbccdd"]
    assert without_sound(items)[:4] == [SentenceBegan(first), SentenceEnded(), SentenceBegan(second), SentenceEnded()]


async def test_a_task_that_finishes_without_sound_is_refused() -> None:
    async with odd_vendor(quiet_service(("你好呀。", b""))) as url, voice_of(url) as synthesizer:
        with pytest.raises(ProviderRefused, match="without any sound"):
            await spoken(synthesizer, "你好呀。")


async def test_replies_of_two_calls_do_not_mix() -> None:
    async with running_emulator(SHORT) as vendor, voice_of(vendor.dashscope_ws_url) as synthesizer:
        one, two = await asyncio.gather(
            spoken(synthesizer, "一句话。", audio_format="pcm"), spoken(synthesizer, "两句话呀。", audio_format="pcm")
        )

    assert [len(sound) for sound in sound_of(one) + sound_of(two)] == [2 * 24 * 40 * 4, 2 * 24 * 40 * 5]
