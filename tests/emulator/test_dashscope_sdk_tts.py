"""The vendor's SDK synthesises speech, and clones voices, against the emulator."""

import io
import json
import threading
from typing import Any

import av
import pytest
from dashscope.audio.tts_v2 import (
    AudioFormat,
    ResultCallback,
    SpeechSynthesizer,
    SpeechSynthesizerObjectPool,
    VoiceEnrollmentException,
    VoiceEnrollmentService,
)
from dashscope.common.error import RequestFailure

from emulator.script import Fault, Kind, Limits, Script, Tone
from tests.emulator.dashscope_sdk import PATIENCE_S, dashscope_at, in_thread
from tests.support.emulator import EmulatorHandle

SHORT = Script(tone=Tone(ms_per_char=40))
PCM_24K = AudioFormat.PCM_24000HZ_MONO_16BIT
TEXT = "你好，世界。今天好吗？"
VOICE = "longhua_v2"
SAMPLE = "https://example.com/sample.wav"


class Listener(ResultCallback):  # type: ignore[misc]
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.sound = b""
        self.heard = threading.Event()
        self.closed = threading.Event()

    def on_open(self) -> None:
        self.told.append("open")

    def on_event(self, message: str) -> None:
        self.events.append(json.loads(message))

    def on_data(self, data: bytes) -> None:
        self.sound += data
        self.heard.set()

    def on_complete(self) -> None:
        self.told.append("complete")

    def on_error(self, message: Any) -> None:
        self.told.append("error")

    def on_close(self) -> None:
        self.told.append("close")
        self.closed.set()

    @property
    def output(self) -> list[dict[str, Any]]:
        return [event["payload"]["output"] for event in self.events if event["header"]["event"] == "result-generated"]


def voice(listener: Listener | None = None, **wishes: Any) -> SpeechSynthesizer:
    return SpeechSynthesizer(model="cosyvoice-v2", voice=VOICE, callback=listener, **wishes)


def sound_ms(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        return float(sum(1000 * frame.samples / frame.sample_rate for frame in container.decode(audio=0)))


@pytest.mark.parametrize("audio_format", ["MP3_24000HZ_MONO_256KBPS", "WAV_16000HZ_MONO_16BIT", "DEFAULT"])
async def test_a_text_is_spoken_by_call(monkeypatch: pytest.MonkeyPatch, audio_format: str) -> None:
    async with dashscope_at(SHORT, monkeypatch):
        sound = await in_thread(lambda: voice(format=AudioFormat[audio_format]).call(TEXT, PATIENCE_S * 1000))

    assert sound_ms(sound) == pytest.approx(40 * len(TEXT), abs=160)  # MP3 pads each of the two sentences


async def test_opus_is_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    opus = AudioFormat.OGG_OPUS_24KHZ_MONO_32KBPS
    async with dashscope_at(SHORT, monkeypatch):
        sound = await in_thread(lambda: voice(format=opus).call(TEXT, PATIENCE_S * 1000))

    assert sound.count(b"OpusHead") == 1
    assert sound_ms(sound) == pytest.approx(40 * len(TEXT), abs=120)


async def test_text_in_pieces_is_spoken_by_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()

    def stream() -> None:
        service = voice(listener, format=PCM_24K, additional_params={"word_timestamp_enabled": True})
        for piece in ("你", "好，世", "界。今", "天好吗？"):
            service.streaming_call(piece)
        service.streaming_complete(PATIENCE_S * 1000)

    async with dashscope_at(SHORT, monkeypatch):
        await in_thread(stream)

    assert listener.told == ["open", "complete", "close"]
    assert len(listener.sound) == 2 * 24 * 40 * len(TEXT)
    began = [output["original_text"] for output in listener.output if output["type"] == "sentence-begin"]
    ended = [output for output in listener.output if output["type"] == "sentence-end"]
    assert began == ["你好，世界。", "今天好吗？"] == [output["original_text"] for output in ended]
    assert [word["text"] for word in ended[0]["sentence"]["words"]] == list("你好世界")
    assert listener.events[-1]["payload"]["usage"] == {"characters": 10 + 9}


async def test_what_waits_is_spoken_when_it_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()

    def stream() -> None:
        service = voice(listener, format=PCM_24K)
        service.streaming_call("等一下")
        service.streaming_flush()
        assert listener.heard.wait(PATIENCE_S)
        service.streaming_complete(PATIENCE_S * 1000)

    async with dashscope_at(SHORT, monkeypatch):
        await in_thread(stream)

    assert len(listener.sound) == 2 * 24 * 40 * 3


async def test_a_cancelled_synthesis_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()

    def stream() -> None:
        service = voice(listener, format=PCM_24K)
        service.streaming_call("这句话还没有说")
        service.streaming_cancel(PATIENCE_S * 1000)

    async with dashscope_at(SHORT, monkeypatch) as vendor:
        await in_thread(stream)
        asked = vendor.stats()["tts"]["requests"][0]

    assert (asked["cancelled"], listener.sound) == (True, b"")


async def test_a_kept_connection_speaks_again_under_a_new_task_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def speak(pool: SpeechSynthesizerObjectPool) -> bytes:
        listener = Listener()
        service = pool.borrow_synthesizer(model="cosyvoice-v2", voice=VOICE, format=PCM_24K, callback=listener)
        service.streaming_call("好的。")
        service.streaming_complete(PATIENCE_S * 1000)
        pool.return_synthesizer(service)
        return listener.sound

    def speak_twice() -> list[bytes]:
        pool = SpeechSynthesizerObjectPool(max_size=1)
        try:
            return [speak(pool), speak(pool)]
        finally:
            pool.shutdown()

    async with dashscope_at(SHORT, monkeypatch) as vendor:
        first, second = await in_thread(speak_twice)
        stats = vendor.stats()

    assert first == second != b""
    assert stats["inference"]["sessions_per_socket"] == [2]
    assert len({asked["task"] for asked in stats["tts"]["requests"]}) == 2


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"voice": "longhua"}, "418"),
        ({"model": "cosyvoice-v9"}, "ModelNotFound"),
        ({"speech_rate": 3.0}, "rate is invalid"),
    ],
)
async def test_what_the_service_does_not_take_fails_the_task(
    monkeypatch: pytest.MonkeyPatch, wishes: dict[str, Any], reason: str
) -> None:
    service = {"model": "cosyvoice-v2", "voice": VOICE, **wishes}
    async with dashscope_at(SHORT, monkeypatch):
        with pytest.raises(RequestFailure, match=reason):
            await in_thread(lambda: SpeechSynthesizer(**service).call("好。", PATIENCE_S * 1000))


async def test_a_task_that_fails_while_speaking_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(service="tts", kind=Kind.FAIL, at="mid", code="InternalError", message="lost the voice")
    listener = Listener()

    def stream() -> None:
        service = voice(listener, format=PCM_24K)
        service.streaming_call("好的。")
        assert listener.closed.wait(PATIENCE_S)

    async with dashscope_at(SHORT.model_copy(update={"faults": (fault,)}), monkeypatch):
        await in_thread(stream)

    assert listener.told == ["open", "error", "close"]
    assert listener.sound != b""


def enrolment_of(vendor: EmulatorHandle) -> VoiceEnrollmentService:
    return VoiceEnrollmentService(api_key="sk-test")


async def test_a_voice_is_cloned_listed_changed_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashscope_at(SHORT, monkeypatch) as vendor:
        service = enrolment_of(vendor)
        voice_id = await in_thread(lambda: service.create_voice("cosyvoice-v2", "mei", SAMPLE))
        other_id = await in_thread(lambda: service.create_voice("cosyvoice-v2", "lan", SAMPLE))
        everyone = await in_thread(service.list_voices)
        listed = await in_thread(lambda: service.list_voices(prefix="mei"))
        await in_thread(lambda: service.update_voice(voice_id, SAMPLE + "?2"))
        queried: Any = await in_thread(lambda: service.query_voice(voice_id))
        await in_thread(lambda: service.delete_voice(voice_id))
        left = await in_thread(service.list_voices)

    assert voice_id.startswith("cosyvoice-v2-mei-")
    assert [row["voice_id"] for row in everyone] == [other_id, voice_id]
    assert [(row["voice_id"], row["status"]) for row in listed] == [(voice_id, "OK")]
    assert (queried["resource_link"], queried["target_model"]) == (SAMPLE + "?2", "cosyvoice-v2")
    assert [row["voice_id"] for row in left] == [other_id]


async def test_a_cloned_voice_speaks_with_its_own_model_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def speak(model: str, voice_id: str) -> bytes:
        sound: bytes = SpeechSynthesizer(model=model, voice=voice_id, format=PCM_24K).call("好。", PATIENCE_S * 1000)
        return sound

    async with dashscope_at(SHORT, monkeypatch) as vendor:
        voice_id = await in_thread(lambda: enrolment_of(vendor).create_voice("cosyvoice-v2", "mei", SAMPLE))
        sound = await in_thread(lambda: speak("cosyvoice-v2", voice_id))
        with pytest.raises(RequestFailure, match="418"):
            await in_thread(lambda: speak("cosyvoice-v3-flash", voice_id))

    assert len(sound) == 2 * 24 * 40 * 2


async def test_a_voice_that_is_not_ready_does_not_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashscope_at(Script(limits=Limits(voice_deploy_ms=60_000)), monkeypatch) as vendor:
        voice_id = await in_thread(lambda: enrolment_of(vendor).create_voice("cosyvoice-v2", "mei", SAMPLE))
        queried: Any = await in_thread(lambda: enrolment_of(vendor).query_voice(voice_id))
        with pytest.raises(RequestFailure, match="418"):
            await in_thread(
                lambda: SpeechSynthesizer(model="cosyvoice-v2", voice=voice_id).call("好。", PATIENCE_S * 1000)
            )

    assert queried["status"] == "DEPLOYING"


@pytest.mark.parametrize(("prefix", "url"), [("much_too_long", SAMPLE), ("", SAMPLE), ("mei", "sample.wav")])
async def test_a_bad_request_for_a_voice_is_refused(monkeypatch: pytest.MonkeyPatch, prefix: str, url: str) -> None:
    async with dashscope_at(SHORT, monkeypatch) as vendor:
        with pytest.raises(VoiceEnrollmentException) as refused:
            await in_thread(lambda: enrolment_of(vendor).create_voice("cosyvoice-v2", prefix, url))

    assert refused.value._code == "InvalidParameter"


async def test_an_unknown_voice_cannot_be_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashscope_at(SHORT, monkeypatch) as vendor:
        with pytest.raises(VoiceEnrollmentException) as refused:
            await in_thread(lambda: enrolment_of(vendor).query_voice("cosyvoice-v2-no-1"))

    assert refused.value._code == "BadRequest.ResourceNotExist"


async def test_the_script_can_refuse_cloning(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(service="customization", kind=Kind.REFUSE, status=429, code="Throttling.AllocationQuota")
    async with dashscope_at(Script(faults=(fault,)), monkeypatch) as vendor:
        with pytest.raises(VoiceEnrollmentException) as refused:
            await in_thread(lambda: enrolment_of(vendor).list_voices())

    assert (refused.value._status_code, refused.value._code) == (429, "Throttling.AllocationQuota")
