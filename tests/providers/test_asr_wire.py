"""The frames of streaming recognition, and what an answer means."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ports import Hypothesis
from backend.protocol.header import Compression, MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechFrame, decode
from backend.providers.volcengine import asr_wire
from backend.providers.volcengine.asr_wire import Hearsay, Result, Utterance
from backend.providers.volcengine.config import AsrConfig
from tests.providers.golden import golden, golden_bytes

PLAIN = AsrConfig()
GZIP = AsrConfig(compress=True)


def answer(body: Any) -> Result:
    return asr_wire.read(SpeechFrame(MessageType.SERVER_RESPONSE, json_bytes(body), sequence=2))


def test_a_compressed_packet_is_the_vendors_golden_frame() -> None:
    packet = asr_wire.audio(bytes.fromhex("0100010001000100"), GZIP, last=False)

    assert decode(packet) == golden("asr.client.audio.no_sequence.raw")
    assert packet[:4] == golden_bytes("asr.client.audio.no_sequence.raw")[:4]


def test_a_compressed_last_packet_is_the_vendors_golden_frame() -> None:
    assert decode(asr_wire.audio(b"", GZIP, last=True)) == golden("asr.client.audio.last.no_sequence")


def test_a_plain_packet_is_header_size_and_sound() -> None:
    assert asr_wire.audio(b"\x01\x02", PLAIN, last=False).hex(" ") == "11 20 00 00 00 00 00 02 01 02"
    assert asr_wire.audio(b"", PLAIN, last=True).hex(" ") == "11 22 00 00 00 00 00 00"


def test_the_first_message_says_what_comes_and_what_is_wanted() -> None:
    frame = decode(asr_wire.request(AsrConfig(end_window_ms=600, user_id="u1")))

    assert (frame.message_type, frame.flags, frame.sequence) == (MessageType.CLIENT_REQUEST, 0, None)
    assert (frame.serialization, frame.compression) == (Serialization.JSON, Compression.NONE)
    assert frame.json() == {
        "user": {"uid": "u1"},
        "audio": {"format": "pcm", "codec": "raw", "rate": 16000, "bits": 16, "channel": 1},
        "request": {
            "model_name": "bigmodel",
            "enable_itn": True,
            "enable_punc": True,
            "enable_ddc": False,
            "show_utterances": True,
            "result_type": "full",
            "end_window_size": 600,
        },
    }


def test_what_is_wished_for_goes_into_the_first_message() -> None:
    config = AsrConfig(hot_words=("青青",), force_to_speech_ms=1000, two_pass=True, smooth=True)

    wishes = decode(asr_wire.request(config)).json()["request"]

    assert json.loads(wishes["corpus"]["context"]) == {"hotwords": [{"word": "青青"}]}
    assert (wishes["force_to_speech_time"], wishes["enable_nonstream"], wishes["enable_ddc"]) == (1000, True, True)


def test_a_language_is_named_where_the_service_knows_the_field() -> None:
    def language(mode: str) -> object:
        config = AsrConfig(mode=mode, language="en-US")  # type: ignore[arg-type]
        return decode(asr_wire.request(config)).json()["audio"].get("language")

    assert language("bigmodel_nostream") == "en-US"
    assert language("bigmodel_async") is None


def test_the_golden_definite_answer_is_read() -> None:
    result = asr_wire.read(golden("asr.server.response.definite.uncompressed"))

    assert result.text == "这是字节跳动，今日头条母公司。"
    assert [utterance.definite for utterance in result.utterances] == [True, True]
    assert result.utterances[-1].text == "今日头条母公司。"
    assert (result.audio_ms, result.is_last) == (3696, False)
    assert result.log_id == "202407261553070FACFE6D19421815D605"


@pytest.mark.parametrize(
    "name",
    ["asr.server.first_response.gzip", "asr.server.first_response.live_capture", "asr.server.response.last.gzip"],
)
def test_answers_without_utterances_are_read(name: str) -> None:
    result = asr_wire.read(golden(name))

    assert result.utterances == ()
    assert result.text == golden(name).json()["result"]["text"]


def test_a_list_of_results_is_read_like_its_only_member() -> None:
    result = {"text": "你好", "utterances": [{"text": "你好", "start_time": 1, "end_time": 2, "definite": True}]}

    assert answer({"result": [result]}) == answer({"result": result})


@pytest.mark.parametrize("body", [{}, {"result": None}, {"result": []}, {"audio_info": "?", "result": "?"}])
def test_an_answer_without_a_result_holds_no_text(body: Any) -> None:
    assert answer(body) == Result("", (), 0, "", is_last=False)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["result", "text", "utterances", "words", "end_time", "definite", "audio_info", "duration"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["result", "audio_info"]), anything))
def test_any_object_can_be_read(body: Any) -> None:
    assert isinstance(answer(body), Result)


def result(*utterances: Utterance, last: bool = False, audio_ms: int = 900) -> Result:
    return Result("".join(utterance.text for utterance in utterances), utterances, audio_ms, "", last)


HALF = Utterance("你", 0, 200, definite=False)
ONE = Utterance("你好。", 0, 400, definite=True)
TWO = Utterance("在吗", 1000, 1400, definite=False)


def test_only_news_become_hypotheses() -> None:
    hearsay = Hearsay()

    assert hearsay.take(result()) is None
    assert hearsay.take(result(HALF)) == Hypothesis("你", False, 200, 900)
    assert hearsay.take(result(HALF, audio_ms=1000)) is None


def test_a_definite_sentence_is_told_once_however_often_it_is_repeated() -> None:
    hearsay = Hearsay()

    assert hearsay.take(result(ONE)) == Hypothesis("你好。", True, 400, 900)
    assert hearsay.take(result(ONE)) is None
    assert hearsay.take(result(ONE, TWO)) == Hypothesis("你好。在吗", False, 1400, 900)
    assert hearsay.take(result(ONE)) == Hypothesis("你好。", False, 400, 900)


def test_the_same_words_said_again_are_definite_again() -> None:
    hearsay = Hearsay()
    again = Utterance("你好。", 2000, 2400, definite=True)
    hearsay.take(result(ONE))

    assert hearsay.take(result(ONE, again)) == Hypothesis("你好。你好。", True, 2400, 900)


def test_the_last_answer_is_definite_whatever_was_told_before() -> None:
    hearsay = Hearsay()
    hearsay.take(result(ONE))

    assert hearsay.take(result(ONE, last=True)) == Hypothesis("你好。", True, 400, 900)


def test_the_end_of_the_last_word_counts_and_not_the_silence_after_it() -> None:
    words = [{"text": "你", "start_time": 100, "end_time": 300}, {"text": "好", "start_time": -1, "end_time": -1}]
    spoken = {"text": "你好", "start_time": 0, "end_time": 1100, "definite": True, "words": words}

    assert answer({"result": {"text": "你好", "utterances": [spoken]}}).utterances[0].end_ms == 300
