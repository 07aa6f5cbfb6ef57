"""Making speech items of a session's events."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ports import SentenceBegan, SentenceEnded, Sound, SpeechItem, SpeechUsage
from backend.protocol.header import MessageType
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechEvent, SpeechFrame
from backend.providers.volcengine.narration import Bill, Narration, SingleSentence
from tests.providers.golden import golden


def sentence_start(text: str) -> SpeechFrame:
    body = json_bytes({"phonemes": [], "text": text, "words": []})
    return SpeechFrame(MessageType.SERVER_RESPONSE, body, event=SpeechEvent.SENTENCE_START, ident="s")


def sentence_end(text: str = "") -> SpeechFrame:
    body = json_bytes({"text": text})
    return SpeechFrame(MessageType.SERVER_RESPONSE, body, event=SpeechEvent.SENTENCE_END, ident="s")


def sound(data: bytes = b"mp3") -> SpeechFrame:
    return SpeechFrame(MessageType.SERVER_AUDIO, data, event=SpeechEvent.AUDIO, ident="s")


def finished(usage: object = None) -> SpeechFrame:
    body = {"status_code": 20000000} | ({} if usage is None else {"usage": usage})
    return SpeechFrame(MessageType.SERVER_RESPONSE, json_bytes(body), event=SpeechEvent.SESSION_FINISHED, ident="s")


def told(said: str, *frames: SpeechFrame) -> list[SpeechItem]:
    narration = Narration()
    narration.said(said)
    return [item for frame in frames for item in narration.take(frame)]


def test_the_services_own_sentences_are_followed() -> None:
    assert told(
        "你好。再见。",
        *(sentence_start("你好。"), sound(b"1"), sound(b"2"), sentence_end("你好。")),
        *(sentence_start("再见。"), sound(b"3"), sentence_end("再见。"), finished()),
    ) == [
        *(SentenceBegan("你好。"), Sound(b"1"), Sound(b"2"), SentenceEnded()),
        *(SentenceBegan("再见。"), Sound(b"3"), SentenceEnded()),
    ]


def test_the_golden_events_of_a_1_0_voice_make_a_sentence() -> None:
    frames = [
        golden(f"tts.server.{name}")
        for name in ("sentence_start.tts1", "response.audio_mp3", "sentence_end", "session_finished.usage")
    ]

    items = told("你好", *frames)

    assert items == [SentenceBegan("你好"), Sound(bytes.fromhex("fff384c4000000034800000000")), SentenceEnded()]


def test_a_sentence_that_begins_ends_the_one_before_it() -> None:
    assert told("一。二。", sentence_start("一。"), sound(b"1"), sentence_start("二。"), sound(b"2"), finished()) == [
        *(SentenceBegan("一。"), Sound(b"1"), SentenceEnded()),
        *(SentenceBegan("二。"), Sound(b"2"), SentenceEnded()),
    ]


def test_a_sentence_without_a_text_is_announced_with_the_next_one_that_was_sent() -> None:
    assert told(
        "今天天气不错。我们去公园吧。",
        *(sentence_start(""), sound(), sentence_end(), sentence_start(""), sound(), sentence_end()),
    ) == [
        *(SentenceBegan("今天天气不错。"), Sound(b"mp3"), SentenceEnded()),
        *(SentenceBegan("我们去公园吧。"), Sound(b"mp3"), SentenceEnded()),
    ]


def test_a_sentence_without_sound_is_never_announced() -> None:
    assert told("。你好", sentence_start("。"), sentence_end("。"), sentence_start("你好"), sound(), finished()) == [
        SentenceBegan("你好"),
        Sound(b"mp3"),
        SentenceEnded(),
    ]


def test_sound_that_nobody_announced_is_announced_here() -> None:
    assert told("你好呀朋友", sound(), finished()) == [SentenceBegan("你好呀朋友"), Sound(b"mp3"), SentenceEnded()]


@pytest.mark.parametrize("name", ["tts.server.subtitle", "tts.server.session_canceled"])
def test_events_that_bring_nothing_bring_nothing(name: str) -> None:
    assert told("你好", golden(name)) == []


def test_a_sentence_of_its_own_session_is_announced_with_the_text_that_was_sent() -> None:
    narration = SingleSentence("你好。")
    frames = [golden("tts.server.sentence_start.tts2_empty_text"), sound(b"1"), sound(b"2"), sentence_end("你好。")]

    items = [item for frame in [*frames, finished()] for item in narration.take(frame)]

    assert items == [SentenceBegan("你好。"), Sound(b"1"), Sound(b"2"), SentenceEnded()]


events = st.one_of(
    st.sampled_from(["", "你好。", "x"]).map(sentence_start),
    st.sampled_from([b"", b"1", b"22"]).map(sound),
    st.just(sentence_end("你好。")),
    st.just(finished()),
)


@settings(deadline=None)
@given(st.text(st.sampled_from("你好。x"), max_size=20), st.lists(events, max_size=30))
def test_whatever_comes_each_sentence_begins_sounds_and_ends(said: str, frames: list[SpeechFrame]) -> None:
    order = "".join(
        type(item).__name__[0 if isinstance(item, Sound) else 8] for item in told(said, *frames, finished())
    )

    assert re.fullmatch("(BS+E)*", order)


def bill(*frames: SpeechFrame) -> list[SpeechItem]:
    adding = Bill()
    for frame in frames:
        adding.take(frame)
    return adding.items()


def test_the_sessions_of_a_reply_are_added_up() -> None:
    assert bill(finished({"text_words": 4}), finished({"text_words": 3})) == [SpeechUsage(7)]


def test_usage_that_is_told_twice_counts_once() -> None:
    early = SpeechFrame(MessageType.SERVER_RESPONSE, json_bytes({"usage": {"text_words": 4}}), event=SpeechEvent.USAGE)

    assert bill(early, finished({"text_words": 4})) == [SpeechUsage(4)]
    assert bill(early, finished()) == [SpeechUsage(4)]


@pytest.mark.parametrize("usage", [None, "many", {}, {"text_words": "4"}, {"text_words": -1}])
def test_a_cost_that_is_not_told_is_not_invented(usage: object) -> None:
    assert bill(finished(usage)) == []
