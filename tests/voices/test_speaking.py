"""What voices sound like: made once, a few at a time, only so often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.errors import ProviderTimeout
from backend.ports import SpeechOptions
from backend.voices.speaking import SampleLimits, Samples, TooManySamples
from tests.support.fakes import FakeSpeech, FakeSynthesizer


async def test_many_who_ask_for_the_same_at_once_have_it_made_once() -> None:
    voice = FakeSynthesizer()
    samples = Samples(voice)

    heard = await asyncio.gather(*(samples.mp3("mei", "你好") for _ in range(20)))

    assert set(heard) == {"你好".encode()}
    assert voice.options == [SpeechOptions("mei")]


async def test_after_a_burst_another_may_be_made_each_few_seconds() -> None:
    now = [0.0]
    samples = Samples(FakeSynthesizer(), SampleLimits(burst=2, each_s=5), clock=lambda: now[0])

    await samples.mp3("a", "x")
    await samples.mp3("b", "x")
    with pytest.raises(TooManySamples) as refusal:
        await samples.mp3("c", "x")
    now[0] = 5.0
    await samples.mp3("c", "x")
    now[0] = 100.0
    await samples.mp3("d", "x")
    await samples.mp3("e", "x")
    with pytest.raises(TooManySamples):
        await samples.mp3("f", "x")

    assert refusal.value.wait_s == 5


@pytest.mark.parametrize("limits", [SampleLimits(kept=2), SampleLimits(kept_bytes=2000)])
async def test_the_sample_that_was_not_asked_for_longest_is_forgotten_first(limits: SampleLimits) -> None:
    voice = FakeSynthesizer()
    samples = Samples(voice, limits)

    for name in ("a", "b", "a", "c", "a", "b"):
        await samples.mp3(name, "x" * 1000)

    assert [options.voice for options in voice.options] == ["a", "b", "c", "b"]


class Unending(FakeSpeech):
    async def finish(self) -> None:
        return


class UnendingSynthesizer(FakeSynthesizer):
    @asynccontextmanager
    async def open(self, options: SpeechOptions) -> AsyncIterator[FakeSpeech]:
        yield Unending(self)


async def test_a_voice_that_does_not_end_is_given_up() -> None:
    samples = Samples(UnendingSynthesizer(), SampleLimits(made_s=0.01))

    with pytest.raises(ProviderTimeout):
        await samples.mp3("mei", "你好")
