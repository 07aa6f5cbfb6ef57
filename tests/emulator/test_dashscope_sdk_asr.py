"""The vendor's SDK recognises speech against the emulator."""

import threading
from pathlib import Path
from typing import Any

import pytest
from dashscope.audio.asr import (
    Recognition,
    RecognitionCallback,
    RecognitionResult,
    VocabularyService,
    VocabularyServiceException,
)

from emulator.script import Fault, Kind, Script, Utterance
from tests.emulator.dashscope_sdk import PATIENCE_S, dashscope_at, in_thread
from tests.emulator.dial import SILENCE_100_MS, SPEECH_100_MS

HEARS = Script(hears=(Utterance(text="打开灯。", partials=("打开",), after_ms=600),))


class Listener(RecognitionCallback):  # type: ignore[misc]
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.sentences: list[dict[str, Any]] = []
        self.errors: list[RecognitionResult] = []
        self.heard_final = threading.Event()

    def on_open(self) -> None:
        self.told.append("open")

    def on_event(self, result: RecognitionResult) -> None:
        sentence = result.get_sentence()
        assert isinstance(sentence, dict)
        self.sentences.append(sentence)
        if RecognitionResult.is_sentence_end(sentence):
            self.heard_final.set()

    def on_complete(self) -> None:
        self.told.append("complete")

    def on_error(self, result: RecognitionResult) -> None:
        self.told.append("error")
        self.errors.append(result)

    def on_close(self) -> None:
        self.told.append("close")


def recognition(listener: Listener | None = None, **wishes: Any) -> Recognition:
    return Recognition("paraformer-realtime-v2", listener, "pcm", 16000, **wishes)


@pytest.fixture
def speech(tmp_path: Path) -> str:
    path = tmp_path / "speech.pcm"
    path.write_bytes(SPEECH_100_MS * 10)
    return str(path)


async def test_a_file_is_recognised_by_call(monkeypatch: pytest.MonkeyPatch, speech: str) -> None:
    async with dashscope_at(HEARS, monkeypatch) as vendor:
        result = await in_thread(lambda: recognition().call(speech))
        asked = vendor.stats()["asr"]["requests"][0]

    (sentence,) = result.get_sentence()
    assert (result.status_code, sentence["text"], sentence["sentence_end"]) == (200, "打开灯。", True)
    assert result.get_usage(sentence) == {"duration": 1}
    assert (asked["audio_ms"], asked["finished"]) == (1000, True)


async def test_a_stream_is_recognised_by_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()

    def stream() -> None:
        service = recognition(listener, language_hints=["zh"], heartbeat=True)
        service.start()
        for _ in range(6):
            service.send_audio_frame(SPEECH_100_MS)
        service.stop()

    async with dashscope_at(HEARS, monkeypatch) as vendor:
        await in_thread(stream)
        parameters = vendor.stats()["asr"]["requests"][0]["json"]["parameters"]

    assert [sentence["text"] for sentence in listener.sentences] == ["", "打开", "打开灯。"]
    assert [sentence["end_time"] for sentence in listener.sentences] == [None, None, 600]
    assert listener.told == ["open", "complete", "close"]
    assert (parameters["language_hints"], parameters["heartbeat"]) == (["zh"], True)


async def test_sentences_are_told_while_the_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    script = Script(hears=(Utterance(text="你好。", after_ms=None), Utterance(text="在吗？", after_ms=None)))

    def stream() -> None:
        service = recognition(listener, max_sentence_silence=200)
        service.start()
        for _ in range(2):
            listener.heard_final.clear()
            for _ in range(3):
                service.send_audio_frame(SPEECH_100_MS)
            while not listener.heard_final.wait(0.02):  # the SDK reads only when there is something to send
                service.send_audio_frame(SILENCE_100_MS)
        service.stop()

    async with dashscope_at(script, monkeypatch):
        await in_thread(stream)

    finals = [sentence for sentence in listener.sentences if sentence["sentence_end"]]
    assert [(sentence["sentence_id"], sentence["text"]) for sentence in finals] == [(1, "你好。"), (2, "在吗？")]
    assert finals[0]["end_time"] <= finals[1]["begin_time"]


async def test_a_recogniser_object_serves_again_under_its_own_task_id(
    monkeypatch: pytest.MonkeyPatch, speech: str
) -> None:
    service = recognition()
    async with dashscope_at(Script(hears_always=Utterance(text="好")), monkeypatch):
        results = [await in_thread(lambda: service.call(speech)) for _ in range(2)]

    assert [result.get_sentence()[0]["text"] for result in results] == ["好", "好"]


@pytest.mark.parametrize("at", ["start", "mid"])
async def test_a_failed_task_is_told(monkeypatch: pytest.MonkeyPatch, speech: str, at: Any) -> None:
    fault = Fault(service="asr", kind=Kind.ERROR, at=at, code="Throttling.RateQuota", message="too fast")
    async with dashscope_at(HEARS.model_copy(update={"faults": (fault,)}), monkeypatch, may_leave_lines=True) as vendor:
        result = await in_thread(lambda: recognition().call(speech))
        errors = vendor.stats()["asr"]["errors"]

    assert (result.status_code, result.code, result.message) == (44, "Throttling.RateQuota", "too fast")
    assert errors == ["Throttling.RateQuota"]


async def test_a_stranger_is_refused(monkeypatch: pytest.MonkeyPatch, speech: str) -> None:
    async with dashscope_at(Script(keys=frozenset({"another"})), monkeypatch) as vendor:
        result = await in_thread(lambda: recognition().call(speech))
        refused = vendor.stats()["inference"]["refused"]

    assert (result.status_code, refused) == (401, 1)


async def test_an_error_reaches_the_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()

    def stream() -> None:
        service = Recognition("paraformer-realtime-v2", listener, "speex", 16000)
        service.start()
        service.send_audio_frame(SPEECH_100_MS)
        done.wait(PATIENCE_S)

    done = threading.Event()
    listener.on_close = done.set  # type: ignore[method-assign]
    async with dashscope_at(Script(), monkeypatch):
        await in_thread(stream)

    assert [error.code for error in listener.errors] == ["UNSUPPORTED_FORMAT"]


async def test_a_list_of_hot_words_is_made_listed_changed_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [{"text": "赛德克巴莱", "weight": 4, "lang": "zh"}]
    async with dashscope_at(HEARS, monkeypatch) as vendor:
        vendor.script(Script())
        service = VocabularyService()
        ident = await in_thread(lambda: service.create_vocabulary("paraformer-realtime-v2", "testpfx", words))
        listed: Any = await in_thread(lambda: service.list_vocabularies(prefix="testpfx"))
        await in_thread(lambda: service.update_vocabulary(ident, [*words, {"text": "Doreen", "weight": 5}]))
        queried: Any = await in_thread(lambda: service.query_vocabulary(ident))
        await in_thread(lambda: service.delete_vocabulary(ident))
        with pytest.raises(VocabularyServiceException, match="does not exist"):
            await in_thread(lambda: service.query_vocabulary(ident))
        with pytest.raises(VocabularyServiceException, match="vocabulary is invalid"):
            await in_thread(
                lambda: service.create_vocabulary("m", "p", [{"text": "赛" * 16, "weight": 4, "lang": "zh"}])
            )

    assert [(row["vocabulary_id"], row["status"]) for row in listed] == [(ident, "OK")]
    assert (queried["target_model"], len(queried["vocabulary"])) == ("paraformer-realtime-v2", 2)
