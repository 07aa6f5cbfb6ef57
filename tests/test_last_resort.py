"""A reply that cannot be spoken is shown, one that cannot be thought is excused; what got through is kept."""

from typing import Literal

import pytest

from backend.call.reached import split_after
from backend.errors import ProviderUnavailable
from backend.ports import Message
from backend.protocol.frames import AudioFrame, EventFrame
from backend.protocol.sound import sound_clock
from tests.support.caller import Caller, dialled, names
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.switchboard import Switchboard, answering

NO_VOICE = ProviderUnavailable("tts", "the service broke off")
NO_MIND = ProviderUnavailable("llm", "the service broke off")
TROUBLE = "哎呀，你再说一遍好不好？"


def board(*replies: list[str | Exception]) -> Switchboard:
    return Switchboard(
        recognizer=FakeRecognizer(*(Hears("你好") for _ in replies)),
        model=FakeModel([*replies]),
        trouble=TROUBLE,
    )


def mute(*replies: list[str | Exception]) -> Switchboard:
    server, voice = board(*replies), FakeSynthesizer()
    voice.refuses = NO_VOICE
    server.synthesizer = voice
    return server


async def kept(server: Switchboard, caller: Caller) -> list[Message]:
    return list(await server.store.load(caller.sid))


def error(code: str) -> EventFrame:
    return EventFrame("BotError", {"error": {"code": code, "message": "the service broke off"}})


async def test_a_client_that_asked_for_it_reads_what_could_not_be_spoken() -> None:
    server = mute(["你好呀。今天", "过得怎么样？"])
    async with answering(server), dialled(server.url, events="SentenceUnspoken") as caller:
        frames = await caller.turn()
        history = await kept(server, caller)

    assert frames[1:] == [
        EventFrame("SentenceUnspoken", {"sentence": "你好呀。今天过得怎么样？"}),
        error("TTSFailed"),
        EventFrame("TTSDone", {}),
    ]
    assert history == [Message("user", "你好"), Message("assistant", "你好呀。今天过得怎么样？")]


async def test_a_client_that_streams_reads_it_as_a_sentence_without_sound() -> None:
    server = mute(["你好呀。"])
    async with answering(server), dialled(server.url, delivery="stream", turn_ids="true") as caller:
        frames = await caller.turn()

    assert frames[1] == EventFrame("TTSSentenceStart", {"sentence": "你好呀。"}, 1)
    assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "BotError", "TTSDone"]


@pytest.mark.parametrize(
    ("audio_format", "sample_rate"),
    [("", 0), *((form, rate) for form in ("mp3", "pcm", "opus") for rate in (8000, 16000, 24000, 48000))],
)
async def test_a_client_that_asked_for_nothing_reads_it_as_a_sentence_that_sounds_like_silence(
    audio_format: Literal["mp3", "pcm", "opus", ""], sample_rate: int
) -> None:
    """Section 3 of the protocol: each sentence has one audio frame, in the call's format, which plays by itself."""
    query = f"?audio_format={audio_format}&sample_rate={sample_rate}" if audio_format else ""
    server = mute(["你好呀。"])
    async with answering(server), dialled(server.url + query) as caller:
        frames = await caller.turn()
        history = await kept(server, caller)

    assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "audio", "BotError", "TTSDone"]
    assert frames[1] == EventFrame("TTSSentenceStart", {"sentence": "你好呀。"})
    assert history == [Message("user", "你好"), Message("assistant", "你好呀。")]
    assert isinstance(frames[2], AudioFrame)
    clock = sound_clock(audio_format or "mp3", sample_rate or 24000)
    assert 200 <= clock.feed(frames[2].data) <= 300


async def test_what_could_be_read_is_what_the_model_is_told_in_the_next_turn() -> None:
    server = mute(["你好呀。"], ["再来。"])
    model = FakeModel([["你好呀。"], ["再来。"]])
    server.model = model
    async with answering(server), dialled(server.url) as caller:
        await caller.turn()
        await caller.turn()

    assert Message("assistant", "你好呀。") in model.asked[-1]


async def test_only_what_was_not_heard_is_shown() -> None:
    server = board(["你好呀，我今天很好。", "你呢，怎么样？"])
    voice = FakeSynthesizer()
    server.synthesizer = voice

    def breaks_after_the_first(text: str) -> list[object]:
        voice.fails = NO_VOICE
        return [*FakeSynthesizer.sound_of(voice, text)]

    voice.sound_of = breaks_after_the_first  # type: ignore[method-assign, assignment]
    async with answering(server), dialled(server.url, events="SentenceUnspoken") as caller:
        frames = await caller.turn()
        history = await kept(server, caller)

    assert names(frames) == [
        "SentenceRecognized",
        "TTSSentenceStart",
        "audio",
        "SentenceUnspoken",
        "BotError",
        "TTSDone",
    ]
    told = [frame.payload["sentence"] for frame in frames[1:4] if isinstance(frame, EventFrame)]
    assert "".join(told) == "你好呀，我今天很好。你呢，怎么样？" == history[-1].text


async def test_a_plain_client_that_heard_the_beginning_reads_the_rest() -> None:
    server = board(["你好呀，我今天很好。", "你呢，怎么样？"])
    voice = FakeSynthesizer()
    server.synthesizer = voice

    def breaks_after_the_first(text: str) -> list[object]:
        voice.fails = NO_VOICE
        return [*FakeSynthesizer.sound_of(voice, text)]

    voice.sound_of = breaks_after_the_first  # type: ignore[method-assign, assignment]
    async with answering(server), dialled(server.url) as caller:
        frames = await caller.turn()
        history = await kept(server, caller)

    groups = ["TTSSentenceStart", "audio"] * 2
    assert names(frames) == ["SentenceRecognized", *groups, "BotError", "TTSDone"]
    told = [frame.payload["sentence"] for frame in frames[1:4] if isinstance(frame, EventFrame)]
    assert "".join(told) == "你好呀，我今天很好。你呢，怎么样？" == history[-1].text


async def test_she_says_that_something_is_wrong_when_she_has_nothing_else_to_say() -> None:
    server = board([NO_MIND], ["好了。"])
    async with answering(server), dialled(server.url) as caller:
        frames = await caller.turn()
        history = await kept(server, caller)

    assert frames[1:] == [
        EventFrame("TTSSentenceStart", {"sentence": TROUBLE}),
        AudioFrame(TROUBLE.encode()),
        error("LLMFailed"),
        EventFrame("TTSDone", {}),
    ]
    assert history == [Message("user", "你好"), Message("assistant", TROUBLE)]


async def test_and_shows_it_when_she_has_no_voice_either() -> None:
    server = mute([NO_MIND])
    async with answering(server), dialled(server.url, events="SentenceUnspoken") as caller:
        frames = await caller.turn()

    assert frames[1] == EventFrame("SentenceUnspoken", {"sentence": TROUBLE})
    assert names(frames)[2:] == ["BotError", "TTSDone"]


async def test_an_answer_that_breaks_off_is_not_followed_by_an_excuse() -> None:
    server = board(["你好呀，", NO_MIND])
    async with answering(server), dialled(server.url) as caller:
        frames = await caller.turn()

    assert TROUBLE not in str(frames)
    assert names(frames) == ["SentenceRecognized", "TTSSentenceStart", "audio", "BotError", "TTSDone"]


@pytest.mark.parametrize(
    ("text", "announced", "told"),
    [
        ("你好。再见。", ["你好。"], "你好。"),
        ("Hi there. Bye now.", ["Hi there.", "Bye now."], "Hi there. Bye now."),
        ("**Hi** you", ["Hi", "yo"], "**Hi** yo"),
        ("一二三", ["四五六七"], "一二三"),
        ("一二三", [], ""),
    ],
)
def test_what_has_been_told_of_a_text_ends_with_its_last_sentence(text: str, announced: list[str], told: str) -> None:
    assert split_after(text, announced) == (told, text[len(told) :])
