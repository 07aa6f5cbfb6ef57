"""DashScope's task protocol, message by message."""

import asyncio
import io
import json
import struct
import uuid
from typing import Any

import av
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from emulator.script import Fault, Kind, Limits, Script, Tone, Utterance
from tests.emulator.dashscope_dial import TASK, command, dialled, golden, name_of, run_asr, run_tts
from tests.emulator.dial import SILENCE_100_MS, SPEECH_100_MS
from tests.support.emulator import running_emulator

HEARS = Script(hears_always=Utterance(text="好", after_ms=100))
SAYS = Script(tone=Tone(ms_per_char=20))


@pytest.mark.parametrize(
    "run",
    ["asr.call_file.run-task", "sdk1.23.9.asr.run-task", "sdk1.25.16.asr.run-task", "asr.stream_all_params.run-task"],
)
async def test_every_captured_recognition_is_served(run: str) -> None:
    async with running_emulator(HEARS) as vendor, dialled(f"{vendor.dashscope_ws_url}/") as line:
        await line.send(golden(run))
        started = await line.receive()
        await line.send(SPEECH_100_MS)
        await line.send(golden("asr.stream_all_params.continue-task.context"))
        await line.send(golden("asr.call_file.finish-task"))
        messages = await line.until("task-finished")

    assert started == json.loads(golden("srv.task-started"))
    assert messages[-1] == json.loads(golden("asr.task-finished"))
    results = [message for message in messages if name_of(message) == "result-generated"]
    for result, shape in zip(results, ("asr.result-generated.begin", "asr.result-generated.final"), strict=True):
        assert isinstance(result, dict)
        expected = json.loads(golden(shape))["payload"]["output"]["sentence"]
        assert result["payload"]["output"]["sentence"].keys() == expected.keys() - {"stash"}


@pytest.mark.parametrize(
    ("run", "text"),
    [
        ("tts.stream_pcm24k.run-task", "tts.stream_pcm24k.continue-task.text"),
        ("tts.call_default_format.run-task", "tts.call_default_format.continue-task.text"),
        ("sdk1.23.9.tts.run-task", "tts.call_default_format.continue-task.text"),
        ("sdk1.25.16.tts.run-task", "tts.call_default_format.continue-task.text"),
        ("tts.opus_all_params.run-task", "tts.opus_all_params.continue-task.text"),
    ],
)
async def test_every_captured_synthesis_is_served(run: str, text: str) -> None:
    async with running_emulator(SAYS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(golden(run))
        assert await line.receive() == json.loads(golden("srv.task-started"))
        await line.send(golden(text))
        await line.send(golden("tts.stream_pcm24k.finish-task"))
        messages = await line.until("task-finished")

    names = [name_of(message) for message in messages]
    assert "audio" in names
    for at, name in enumerate(names):
        if name == "audio":
            before = messages[at - 1]
            assert isinstance(before, dict)
            assert before["payload"]["output"]["type"] == "sentence-synthesis"


async def test_a_sentence_is_told_in_the_documented_shape() -> None:
    async with running_emulator(SAYS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts(word_timestamp_enabled=True))
        await line.until("task-started")
        await line.send(command("continue-task", {"input": {"text": "你好，世界。"}}))
        await line.send(command("finish-task"))
        messages = [message for message in await line.until("task-finished") if isinstance(message, dict)]

    began, ended = (json.loads(golden(f"tts.result-generated.sentence-{edge}")) for edge in ("begin", "end"))
    assert messages[0] == began
    assert messages[-2]["payload"]["usage"] == ended["payload"]["usage"]
    assert messages[-2]["payload"]["output"].keys() == ended["payload"]["output"].keys()
    assert messages[-1]["payload"]["usage"] == {"characters": 10}


async def test_tasks_follow_one_another_on_one_connection_whatever_they_do() -> None:
    async with running_emulator(HEARS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        for task_id in ("a", "b"):
            await line.send(run_asr(task_id))
            await line.until("task-started")
            await line.send(SPEECH_100_MS)
            await line.send(command("finish-task", task_id=task_id))
            finished = (await line.until("task-finished"))[-1]
            assert isinstance(finished, dict)
            assert finished["header"]["task_id"] == task_id
        await line.send(run_tts("c"))
        await line.until("task-started")
        stats = vendor.stats()

    assert stats["inference"]["sessions_per_socket"] == [3]
    assert (stats["asr"]["sessions"], stats["tts"]["sessions"]) == (2, 1)


EARLY: list[tuple[list[Any], str]] = [
    ([SPEECH_100_MS], "the task has not started"),
    ([command("finish-task")], "the task has not started"),
    (["{no json"], "Invalid payload data"),
    ([command("run-task", {"task": "asr", "function": "recognition", "input": {}})], "'payload.model'"),
    ([command("run-task", {"task": "video", "function": "x", "model": "m", "input": {}})], "not supported"),
    ([{"header": {"action": "run-task", "task_id": TASK}, "payload": {**run_asr()["payload"], "input": None}}], "null"),
]
LATE: list[tuple[list[Any], str]] = [
    ([run_asr("other")], "not finished"),
    ([command("finish-task", task_id="other")], "unknown task_id"),
    ([command("pause-task")], "unknown action"),
    ([command("finish-task", {})], "task can not be null"),
    ([command("finish-task")], "NO_INPUT_AUDIO_ERROR"),
]


@pytest.mark.parametrize(("messages", "reason"), EARLY)
async def test_what_comes_before_its_time_fails_and_hangs_up(messages: list[Any], reason: str) -> None:
    async with running_emulator() as vendor, dialled(vendor.dashscope_ws_url) as line:
        for message in messages:
            await line.send(message)
        (failed,) = await line.rest()

    assert isinstance(failed, dict)
    assert failed["header"]["event"] == "task-failed"
    assert reason in failed["header"]["error_message"]


@pytest.mark.parametrize(("messages", "reason"), LATE)
async def test_what_is_wrong_in_a_task_fails_it_and_hangs_up(messages: list[Any], reason: str) -> None:
    async with running_emulator() as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr())
        await line.until("task-started")
        for message in messages:
            await line.send(message)
        failed = (await line.rest())[-1]

    assert isinstance(failed, dict)
    assert failed["header"]["event"] == "task-failed"
    assert reason in failed["header"]["error_message"]


async def test_a_documented_failure_has_the_documented_shape() -> None:
    async with running_emulator() as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts(voice="longhua_v3"))
        assert await line.rest() == [json.loads(golden("srv.task-failed.tts_bad_voice"))]


async def test_more_than_one_text_of_markup_is_refused() -> None:
    async with running_emulator(SAYS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts(enable_ssml=True))
        await line.until("task-started")
        for _ in range(2):
            await line.send(command("continue-task", {"input": {"text": "一"}}))
        assert (await line.rest())[-1] == json.loads(golden("srv.task-failed.ssml_multi"))


async def test_markup_costs_nothing_and_its_entities_are_characters() -> None:
    text = f'<speak bgm="{"x" * 20_000}">A&amp;B<break time="1s"/>好</speak>'
    messages = await _synthesis([text], enable_ssml=True)

    (began,) = _told(messages, "sentence-begin")
    assert began["original_text"] == "A&B好"
    finished = messages[-1]
    assert isinstance(finished, dict)
    assert finished["payload"]["usage"] == {"characters": 5}


async def test_a_character_may_come_in_halves() -> None:
    messages = await _synthesis(["好\ud83d", "\ude00。", "吗\ud83d"])

    texts = [output["original_text"] for output in _told(messages, "sentence-begin")]
    assert texts == ["好\U0001f600。", "吗\ufffd"]


@pytest.mark.parametrize("wanted", [("mp3", 22_050), ("opus", 24_000), ("pcm", 16_000), ("wav", 8000)])
async def test_all_sound_of_a_sentence_comes_between_its_beginning_and_its_end(wanted: tuple[str, int]) -> None:
    audio_format, rate_hz = wanted
    messages = await _synthesis(["一二三。", "四五六。七八"], format=audio_format, sample_rate=rate_hz)

    open_index: int | None = None
    begun = 0
    for message in messages[:-1]:
        output: dict[str, Any] = message["payload"]["output"] if isinstance(message, dict) else {"type": "audio"}
        if output["type"] == "sentence-begin":
            assert open_index is None
            open_index, begun = begun, begun + 1
        if "sentence" in output:
            assert output["sentence"]["index"] == open_index
        assert open_index is not None
        if output["type"] == "sentence-end":
            open_index = None
    assert (begun, open_index) == (3, None)


@pytest.mark.parametrize("wanted", [("mp3", 22_050), ("opus", 24_000), ("wav", 8000)])
async def test_the_sound_of_all_sentences_is_one_stream(wanted: tuple[str, int]) -> None:
    audio_format, rate_hz = wanted
    messages = await _synthesis(["一二三。", "四五六。七八"], format=audio_format, sample_rate=rate_hz)
    sound = b"".join(message for message in messages if isinstance(message, bytes))

    with av.open(io.BytesIO(sound)) as source:
        seconds = sum(frame.samples / frame.sample_rate for frame in source.decode(audio=0))
    assert 0.199 <= seconds <= 0.2 + 3 * 0.08  # an encoder may add what it must at each sentence
    assert sound.count(b"RIFF") == (audio_format == "wav")
    assert sound.count(b"OpusHead") == (audio_format == "opus")


async def _synthesis(texts: list[str], **parameters: Any) -> list[dict[str, Any] | bytes]:
    """What comes of one whole task, after its start."""
    async with running_emulator(SAYS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts(**parameters))
        await line.until("task-started")
        for text in texts:
            await line.send(command("continue-task", {"input": {"text": text}}))
        await line.send(command("finish-task"))
        return await line.until("task-finished")


def _told(messages: list[dict[str, Any] | bytes], kind: str) -> list[dict[str, Any]]:
    results = [message["payload"]["output"] for message in messages[:-1] if isinstance(message, dict)]
    return [output for output in results if output["type"] == kind]


async def test_a_task_that_hears_nothing_for_too_long_fails() -> None:
    script = Script(limits=Limits(task_gap_ms=50))
    async with running_emulator(script) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr())
        failed = (await line.rest())[-1]

    assert isinstance(failed, dict)
    assert (failed["header"]["error_code"], failed["header"]["error_message"]) == (
        "CLIENT_ERROR",
        "request timeout after 0.05 seconds.",
    )


@pytest.mark.parametrize("after_a_task", [False, True])
async def test_a_connection_without_a_task_is_closed_in_peace(after_a_task: bool) -> None:
    script = HEARS.model_copy(update={"limits": Limits(task_idle_ms=50)})
    async with running_emulator(script) as vendor, dialled(vendor.dashscope_ws_url) as line:
        if after_a_task:
            await line.send(run_asr())
            await line.until("task-started")
            await line.send(SPEECH_100_MS)
            await line.send(command("finish-task"))
            await line.until("task-finished")
        async with asyncio.timeout(10):  # far less than a task may be silent
            assert await line.rest() == []
        assert line.socket.close_code == 1000


@pytest.mark.parametrize("heartbeat", [False, True])
async def test_silence_ends_a_recognition_that_asked_for_no_heartbeat(heartbeat: bool) -> None:
    script = Script(hears=("好",), limits=Limits(task_silence_ms=20_000))
    async with running_emulator(script, may_leave_lines=True) as vendor, dialled(vendor.dashscope_ws_url) as line:
        vendor.script(Script(hears_always=Utterance(text="好", after_ms=None), limits=script.limits))
        await line.send(run_asr(heartbeat=heartbeat))
        await line.until("task-started")
        await line.send(SILENCE_100_MS * 100)
        await line.send(SILENCE_100_MS * 100)
        answer = await line.receive()

    assert isinstance(answer, dict)
    if heartbeat:
        expected = json.loads(golden("asr.result-generated.heartbeat"))["payload"]["output"]["sentence"]
        assert answer["payload"]["output"]["sentence"] == {k: v for k, v in expected.items() if k != "sentence_end"}
    else:
        assert answer == json.loads(golden("srv.task-failed.asr_idle60"))


async def test_sound_of_another_rate_keeps_its_length() -> None:
    async with running_emulator(HEARS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr(sample_rate=8000))
        await line.until("task-started")
        for _ in range(10):
            await line.send(SPEECH_100_MS[:1600])
        await line.send(command("finish-task"))
        await line.until("task-finished")
        heard_ms = vendor.stats()["asr"]["requests"][0]["audio_ms"]

    assert heard_ms == pytest.approx(1000, abs=20)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
async def test_a_wav_file_is_heard_at_the_rate_that_it_names(rate_hz: int) -> None:
    async with running_emulator(HEARS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr(format="wav", sample_rate=rate_hz))
        await line.until("task-started")
        await line.send(_wav(bytes(rate_hz * 2), rate_hz))
        await line.send(command("finish-task"))
        await line.until("task-finished")
        heard_ms = vendor.stats()["asr"]["requests"][0]["audio_ms"]

    assert heard_ms == pytest.approx(1000, abs=20)


def _wav(pcm: bytes, rate_hz: int) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return b"RIFF\0\0\0\0WAVE" + fmt + b"data" + struct.pack("<I", len(pcm)) + pcm


async def test_speech_without_results_is_not_silence() -> None:
    """Sixty seconds of sound in which the engine finds no words, and then as many of silence."""
    script = Script(limits=Limits(task_silence_ms=2000))
    async with running_emulator(script) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr())
        await line.until("task-started")
        for packet in [SPEECH_100_MS * 15] * 3 + [SILENCE_100_MS * 19, SILENCE_100_MS]:
            await line.send(packet)
        answers = await line.rest()
        heard_ms = vendor.stats()["asr"]["requests"][0]["audio_ms"]

    assert answers == [json.loads(golden("srv.task-failed.asr_idle60"))]
    assert heard_ms == 6500


@pytest.mark.parametrize(("model", "silence_ms"), [("paraformer-realtime-v2", 800), ("fun-asr-realtime", 1300)])
async def test_each_model_has_a_silence_of_its_own_that_ends_a_sentence(model: str, silence_ms: int) -> None:
    run = run_asr()
    run["payload"]["model"] = model
    script = Script(hears=("好",))
    async with running_emulator(script) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run)
        await line.until("task-started")
        for packet in [SPEECH_100_MS, SILENCE_100_MS * (silence_ms // 100 - 1), SILENCE_100_MS]:
            await line.send(packet)
        await line.until("result-generated")
        heard_ms = vendor.stats()["asr"]["requests"][0]["audio_ms"]

    assert heard_ms == silence_ms + 100


async def test_the_end_of_a_synthesis_names_its_request() -> None:
    async with running_emulator(SAYS) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts())
        await line.until("task-started")
        await line.send(command("continue-task", {"input": {"text": "好。"}}))
        await line.send(command("finish-task"))
        finished = (await line.until("task-finished"))[-1]

    assert isinstance(finished, dict)
    assert uuid.UUID(finished["header"]["attributes"]["request_uuid"])


@pytest.mark.parametrize("key", ["Bearer ", "bearer", " "])
async def test_no_key_at_all_is_refused_even_where_any_key_is_taken(key: str) -> None:
    async with running_emulator() as vendor:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(vendor.dashscope_ws_url, key):
                pass

    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("key", ["Bearer sk", "bearer sk", "sk"])
async def test_a_key_is_taken_in_every_style_that_clients_use(key: str) -> None:
    async with (
        running_emulator(Script(keys=frozenset({"sk"}))) as vendor,
        dialled(vendor.dashscope_ws_url, key) as line,
    ):
        await line.send(run_asr())
        assert name_of(await line.receive()) == "task-started"


async def test_a_wrong_key_is_refused_before_the_upgrade() -> None:
    async with running_emulator(Script(keys=frozenset({"sk"}))) as vendor:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(vendor.dashscope_ws_url, "Bearer no"):
                pass

    assert refused.value.response.status_code == 401
    expected = json.loads(golden("handshake.reject.401"))
    said = json.loads(refused.value.response.body)
    assert {**said, "request_id": expected["request_id"]} == expected


@pytest.mark.parametrize("at", ["start", "mid"])
@pytest.mark.parametrize("service", ["asr", "tts"])
async def test_the_script_can_fail_a_task(service: Any, at: Any) -> None:
    assert await _struck(service, Kind.ERROR, at) == ("task-failed", 1000)


@pytest.mark.parametrize("service", ["asr", "tts"])
async def test_the_script_can_cut_a_connection(service: Any) -> None:
    last, code = await _struck(service, Kind.CUT, "mid")
    assert last != "task-finished"
    assert code == 1006


async def _struck(service: Any, kind: Kind, at: Any) -> tuple[str, int | None]:
    """The last event of a task that a fault strikes, and how the connection ended."""
    fault = Fault(service=service, kind=kind, at=at)
    async with (
        running_emulator(HEARS.model_copy(update={"faults": (fault,), "tone": SAYS.tone})) as vendor,
        dialled(vendor.dashscope_ws_url) as line,
    ):
        await line.send(run_asr() if service == "asr" else run_tts())
        messages = [await line.receive()]
        if name_of(messages[0]) == "task-started":
            await line.send(
                SPEECH_100_MS if service == "asr" else command("continue-task", {"input": {"text": "好。"}})
            )
        messages += await line.rest()
        return name_of(messages[-1]), line.socket.close_code


async def test_the_script_can_send_what_is_no_message() -> None:
    fault = Fault(service="asr", kind=Kind.GARBAGE)
    async with running_emulator(Script(faults=(fault,))) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_asr())
        with pytest.raises(json.JSONDecodeError):
            await line.receive()


async def test_the_script_can_put_events_out_of_order() -> None:
    fault = Fault(service="tts", kind=Kind.WRONG_ORDER)
    async with running_emulator(Script(faults=(fault,))) as vendor, dialled(vendor.dashscope_ws_url) as line:
        await line.send(run_tts())
        assert [name_of(await line.receive()) for _ in range(2)] == ["result-generated", "task-started"]


async def test_a_stalled_task_says_nothing_until_the_client_leaves() -> None:
    fault = Fault(service="asr", kind=Kind.STALL)
    script = Script(faults=(fault,), limits=Limits(task_gap_ms=30))
    async with running_emulator(script) as vendor:
        async with dialled(vendor.dashscope_ws_url) as line:
            await line.send(run_asr())
            await line.socket.close()
            with pytest.raises(ConnectionClosed):
                await line.receive()
        await vendor.hung_up()
