"""Reading the messages of DashScope's tasks, whatever they are."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.providers.dashscope import asr_wire, wire
from backend.providers.dashscope.asr_wire import Hearsay, joined
from backend.providers.dashscope.config import ParaformerConfig, SocketConfig
from backend.providers.dashscope.wire import Event, Run
from emulator.dashscope import wire as theirs
from tests.emulator.dashscope_dial import TASK, golden

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
SENTENCE = st.dictionaries(
    st.sampled_from(["sentence_id", "begin_time", "end_time", "text", "words", "sentence_end", "heartbeat"]), JSON
)

V2_ONLY = {
    *("vocabulary_id", "language_hints", "semantic_punctuation_enabled", "max_sentence_silence", "heartbeat"),
    *("punctuation_prediction_enabled", "inverse_text_normalization_enabled"),
}


@given(st.text())
def test_any_text_is_an_event_or_a_protocol_error(text: str) -> None:
    try:
        event = wire.read(text)
    except ProtocolError:
        return
    assert event.name


@given(JSON, JSON)
def test_any_json_is_an_event_or_a_protocol_error(header: Any, payload: Any) -> None:
    try:
        wire.read(json.dumps({"header": header, "payload": payload}))
    except ProtocolError:
        return


@given(st.lists(SENTENCE, max_size=6))
def test_whatever_a_sentence_looks_like_the_text_of_a_session_only_grows_by_definite_ones(sentences: list[Any]) -> None:
    hearsay = Hearsay()
    settled = ""
    for sentence in sentences:
        hypothesis = hearsay.take(Event("result-generated", TASK, {"output": {"sentence": sentence}}))
        if hypothesis is not None:
            assert hypothesis.text.startswith(settled)
            settled = hypothesis.text if hypothesis.definite else settled
    assert hearsay.end().text.startswith(settled)


@pytest.mark.parametrize(
    ("mine", "captured"),
    [
        (wire.continue_task(TASK, "你好，"), "tts.stream_pcm24k.continue-task.text"),
        (wire.finish_task(TASK), "tts.stream_pcm24k.finish-task"),
        (wire.finish_task(TASK, cancel=True), "tts.cancel.finish-task.cancel"),
        (
            wire.run_task(
                TASK, Run("asr", "recognition", "paraformer-realtime-v2", {"sample_rate": 16000, "format": "pcm"})
            ),
            "asr.call_file.run-task",
        ),
    ],
)
def test_what_we_say_is_what_the_vendors_sdk_says(mine: str, captured: str) -> None:
    ours, sdk = json.loads(mine), json.loads(golden(captured))

    assert ours["header"] == sdk["header"]
    needless = {"model", "task_group", "task", "function"} if "run-task" not in captured else set()
    assert ours["payload"] == {key: value for key, value in sdk["payload"].items() if key not in needless}


@pytest.mark.parametrize(
    ("model", "missing"),
    [
        ("paraformer-realtime-v2", set()),
        ("paraformer-realtime-8k-v2", {"language_hints"}),
        ("paraformer-realtime-v1", V2_ONLY),
        ("paraformer-realtime-8k-v1", V2_ONLY),
        (
            "fun-asr-realtime-2025-11-07",
            {"punctuation_prediction_enabled", "inverse_text_normalization_enabled", "disfluency_removal_enabled"},
        ),
    ],
)
def test_a_model_is_told_only_what_it_is_documented_to_know(model: str, missing: set[str]) -> None:
    everything = {"format", "sample_rate", "disfluency_removal_enabled"} | V2_ONLY

    told = asr_wire.run(ParaformerConfig(SocketConfig("key"), model=model, vocabulary_id="vocab-1")).parameters

    assert told.keys() == everything - missing


def test_a_failure_is_read_with_its_code_and_message() -> None:
    event = wire.read(golden("srv.task-failed.tts_bad_voice"))

    assert (event.name, event.task_id, event.code) == ("task-failed", TASK, "InvalidParameter")
    assert event.message == "[tts:]Engine return error code: 418"


def test_the_services_own_id_of_the_exchange_is_read() -> None:
    assert wire.read(golden("tts.task-finished")).request_id == "00000000-0000-4000-8000-000000000001"


@given(st.text(), JSON)
def test_the_emulator_takes_any_text_for_a_command_or_a_failed_task(text: str, value: Any) -> None:
    for message in (text, json.dumps(value)):
        with suppress(theirs.TaskFailure):
            assert isinstance(theirs.read(message), theirs.Command)


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (["你好。", "在吗？"], "你好。在吗？"),
        (["Hi.", "How are you?"], "Hi. How are you?"),
        (["你好。", "Hi.", ""], "你好。Hi."),
        ([], ""),
    ],
)
def test_sentences_are_joined_as_their_script_wants(sentences: list[str], text: str) -> None:
    assert joined(sentences) == text
