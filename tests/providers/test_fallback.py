"""Two providers as one, whatever order they fail in: nothing is said twice, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ContentRefused, ProviderError, ProviderTimeout, ProviderUnavailable, Stage
from backend.expenses import Nobody, Payer, payer
from backend.ports import ChatUsage, Hypothesis, Message, SentenceBegan, Sound, SpeechOptions, TextDelta
from backend.providers.fallback.breaker import Breaker
from backend.providers.fallback.ears import KEPT_MS, FallbackRecognizer
from backend.providers.fallback.mind import FallbackChat
from backend.providers.fallback.voice import FallbackSynthesizer
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.virtual import virtually

NAMES = ("one", "two")
REST_S = 30.0
ASKED = [Message("user", "hello")]


def down(stage: Stage) -> ProviderUnavailable:
    return ProviderUnavailable(stage, "down")


async def said(chat: FallbackChat) -> str:
    """What came, with `!` where it broke off."""
    text = ""
    try:
        async for item in chat.reply(ASKED):
            text += item.text if isinstance(item, TextDelta) else ""
    except ProviderError:
        return text + "!"
    return text


Replies = st.lists(
    st.tuples(st.sampled_from(["", "a", "ab"]), st.booleans()).map(lambda each: [*each[0], *[down("llm")] * each[1]]),
    min_size=6,
    max_size=6,
)


@given(Replies, Replies)
@settings(max_examples=60, deadline=None)
def test_an_answer_is_one_provider_s_and_is_whole_where_one_of_them_could_give_it(
    one: list[list[str | Exception]], two: list[list[str | Exception]]
) -> None:
    def as_given(reply: list[str | Exception]) -> str:
        return "".join("!" if isinstance(piece, Exception) else piece for piece in reply)

    async def run() -> None:
        models = (FakeModel([*one]), FakeModel([*two]))
        chat = FallbackChat(models, NAMES, REST_S)
        for _ in range(3):
            left = [[*models[0].replies], [*models[1].replies]]
            order = chat.breaker.order
            first, other = (as_given(list(left[which][0])) for which in order)
            expected = first if first != "!" else other
            assert await said(chat) == expected
        await chat.aclose()

    virtually(run())


def test_the_rest_grows_with_each_probe_that_fails_and_ends_with_one_that_works() -> None:
    probes: list[float] = []

    async def probe() -> None:
        probes.append(asyncio.get_running_loop().time())
        if len(probes) < 6:
            raise down("tts")

    async def run() -> None:
        breaker = Breaker("tts", NAMES, probe, 1.0)
        breaker.failed(0, down("tts"))
        breaker.failed(0, down("tts"))
        assert (breaker.order, breaker.takeovers) == ((1, 0), 1)
        await asyncio.sleep(60)
        assert breaker.order == (0, 1)
        await breaker.aclose()

    virtually(run())

    assert probes == [1, 3, 7, 15, 23, 31]


def test_a_probe_is_not_paid_by_the_call_that_found_the_provider_broken() -> None:
    paying: list[Payer] = []

    async def probe() -> None:
        paying.append(payer.get())

    async def run() -> None:
        breaker = Breaker("llm", NAMES, probe, 1.0)
        payer.set(_Caller())
        breaker.failed(0, down("llm"))
        await asyncio.sleep(2)
        await breaker.aclose()

    virtually(run())

    assert [type(each) for each in paying] == [Nobody]


class _Caller(Nobody):
    """Someone who pays."""


def test_who_answers_in_a_turn_is_asked_first_again_without_a_probe() -> None:
    async def run() -> None:
        chat = FallbackChat(
            (FakeModel([[down("llm")], ["c"], ["d"]]), FakeModel([["a"], [down("llm")]])), NAMES, REST_S
        )
        assert [await said(chat) for _ in range(3)] == ["a", "c", "d"]
        assert chat.breaker.in_use == 0
        await chat.aclose()

    virtually(run())


@pytest.mark.parametrize("which", [0, 1])
def test_words_that_are_refused_are_nobody_s_failure(which: int) -> None:
    async def probe() -> None:
        raise AssertionError("there is nothing to be probed")

    async def run() -> None:
        breaker = Breaker("llm", NAMES, probe, 1.0)
        breaker.failed(which, ContentRefused("llm", "no") if which == 0 else down("llm"))
        await asyncio.sleep(10)
        assert breaker.order == (0, 1)

    virtually(run())


class _Brittle(FakeSynthesizer):
    """Gives no sound, or breaks off after its first piece."""

    def __init__(self, error: ProviderError, *, sounds: bool) -> None:
        super().__init__()
        self._error = error
        self._sounds = sounds

    @asynccontextmanager
    async def open(self, options: SpeechOptions) -> AsyncIterator["_BrittleSpeech"]:  # type: ignore[override]
        self.options.append(options)
        yield _BrittleSpeech(self, self._error, sounds=self._sounds)


class _BrittleSpeech:
    def __init__(self, owner: _Brittle, error: ProviderError, *, sounds: bool) -> None:
        self._owner = owner
        self._error = error
        self._items: list[SentenceBegan | Sound] = [SentenceBegan("x"), *[Sound(b"x")] * sounds]
        self._words = asyncio.Event()

    async def say(self, text: str) -> None:
        self._owner.said.append(text)
        self._words.set()

    async def finish(self) -> None:
        return

    async def cancel(self) -> None:
        return

    def __aiter__(self) -> "_BrittleSpeech":
        return self

    async def __anext__(self) -> SentenceBegan | Sound:
        await self._words.wait()
        if not self._items:
            raise self._error
        return self._items.pop(0)


async def spoken(voice: FallbackSynthesizer, *texts: str, second_voice: str = "b") -> bytes:
    options = SpeechOptions("a", second_voice=second_voice)
    async with voice.open(options) as speech:
        for text in texts:
            await speech.say(text)
        await speech.finish()
        return b"".join([item.data async for item in speech if isinstance(item, Sound)])


def test_all_text_is_said_to_the_one_that_takes_over_with_the_voice_it_has() -> None:
    async def run() -> None:
        one, two = _Brittle(down("tts"), sounds=False), FakeSynthesizer()
        voice = FallbackSynthesizer((one, two), NAMES, REST_S)
        assert await spoken(voice, "eins", "zwei") == b"einszwei"
        assert (one.said, two.said) == (["eins", "zwei"], ["eins", "zwei"])
        assert [options.voice for options in (*one.options, *two.options)] == ["a", "b"]
        await voice.aclose()

    virtually(run())


@pytest.mark.parametrize(("sounds", "second_voice"), [(True, "b"), (False, "")])
def test_nobody_takes_over_after_a_sound_or_without_a_voice(sounds: bool, second_voice: str) -> None:
    async def run() -> None:
        two = FakeSynthesizer()
        voice = FallbackSynthesizer((_Brittle(down("tts"), sounds=sounds), two), NAMES, REST_S)
        with pytest.raises(ProviderUnavailable):
            await spoken(voice, "eins", second_voice=second_voice)
        assert two.said == []
        assert voice.breaker.in_use == 1, "from the next reply on the other one is asked"
        await voice.aclose()

    virtually(run())


def test_a_text_that_is_refused_for_what_it_says_is_not_handed_to_the_other_one() -> None:
    async def run() -> None:
        two = FakeSynthesizer()
        voice = FallbackSynthesizer((_Brittle(ContentRefused("tts", "no"), sounds=False), two), NAMES, REST_S)
        with pytest.raises(ContentRefused):
            await spoken(voice, "eins")
        assert (two.said, voice.breaker.in_use) == ([], 0)
        await voice.aclose()

    virtually(run())


def test_a_recognition_goes_on_with_the_newest_audio_and_the_callers_clock() -> None:
    async def run() -> list[Hypothesis]:
        one, two = FakeRecognizer(ProviderTimeout("asr", "slow")), FakeRecognizer(Hears("hello", after_ms=100))
        ears = FallbackRecognizer((one, two), NAMES, REST_S)
        second = b"\x01\x00" * 16_000
        async with ears.open(["Mei"]) as recognition:
            for _ in range(KEPT_MS // 1000 + 5):
                await recognition.send(second)
            await recognition.finish()
            heard = [hypothesis async for hypothesis in recognition]
        assert len(two.sessions[0].audio) == KEPT_MS * 32
        assert (one.hot_words, two.hot_words) == ([["Mei"]], [["Mei"]])
        await ears.aclose()
        return heard

    assert virtually(run()) == [Hypothesis("hello", True, 6000, 6000, served_by="two")]


def test_usage_without_text_is_an_answer() -> None:
    async def run() -> None:
        chat = FallbackChat((FakeModel([[]]), FakeModel([])), NAMES, REST_S)
        assert [item async for item in chat.reply(ASKED)] == [ChatUsage(10, 5)]
        await chat.aclose()

    virtually(run())
