"""The on-device recognition session, over a model that counts and a Silero that measures loudness."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ProviderRefused, ProviderUnavailable
from emulator.engines.base import Heard, Hearing, HearOptions, Utterance
from emulator.engines.ears import AFTER_MS, AHEAD_S, BEFORE_MS, Ears
from emulator.engines.vad import WINDOW, WINDOW_MS, Samples, Silero
from emulator.engines.workers import Worker

SPEECH = np.full(WINDOW, 8000, "<i2").tobytes()
HUSH = bytes(2 * WINDOW)


class Loudness(Silero):
    """Takes what is loud for speech."""

    def __init__(self) -> None:
        """Without a model."""

    def __call__(self, windows: Samples, h: Samples, c: Samples) -> tuple[list[float], Samples, Samples]:
        return [0.9 if loud else 0.05 for loud in np.abs(windows[:, 64:]).max(axis=1) > 0.1], h, c


class Scribe(Worker):
    """Writes down the lines that it is given, and keeps what it was asked."""

    def __init__(self, *lines: str | Exception, patient: bool = False) -> None:
        super().__init__("scribe", "asr", "", {})
        self.lines = list(lines)
        self.heard_ms: list[int] = []
        self.given_up = 0
        self.asked = asyncio.Event()
        self._patient = patient

    @property
    def busy(self) -> bool:
        """Never: it answers at once."""
        return False

    async def call(self, method: str, blob: bytes = b"", *, urgent: bool = False, **_: Any) -> tuple[Any, bytes]:
        assert method == "transcribe"
        self.heard_ms.append(len(blob) // 32)
        self.asked.set()
        if self._patient:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up += 1
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        if isinstance(line, Exception):
            raise line
        return {"text": line}, b""


@asynccontextmanager
async def hearing(scribe: Scribe, *, window_ms: int = 800, partials: bool = False) -> AsyncIterator[Hearing]:
    with ThreadPoolExecutor(1) as pool:
        options = HearOptions(end_window_ms=window_ms, partials=partials)
        async with Ears(scribe, Loudness(), pool).open(options) as session:
            yield session


async def heard_in(scribe: Scribe, *packets: bytes, window_ms: int = 800, partials: bool = False) -> list[Heard]:
    """All results of a session that is fed these packets and finished."""
    async with hearing(scribe, window_ms=window_ms, partials=partials) as session:
        for packet in packets:
            await session.feed(packet)
        await session.finish()
        return [heard async for heard in session]


async def test_an_utterance_is_definite_when_its_window_closes() -> None:
    scribe = Scribe("你好。")

    heard = await heard_in(scribe, HUSH * 10 + SPEECH * 20 + HUSH * 40)

    assert heard[-1] == Heard(70 * WINDOW_MS, (Utterance("你好。", 320, 960, definite=True),))


async def test_the_guess_made_early_in_the_silence_is_the_result() -> None:
    scribe = Scribe("你好。")

    await heard_in(scribe, HUSH * 10 + SPEECH * 20 + HUSH * 40)

    assert scribe.heard_ms == [BEFORE_MS + 640 + AFTER_MS]


async def test_speech_that_goes_on_is_guessed_again_and_the_last_guess_counts() -> None:
    scribe = Scribe("你好。", "你好，青青。")

    heard = await heard_in(scribe, SPEECH * 20 + HUSH * 12 + SPEECH * 10 + HUSH * 40)

    assert heard[-1].utterances == (Utterance("你好，青青。", 0, 42 * WINDOW_MS, definite=True),)


async def test_utterances_follow_one_another() -> None:
    heard = await heard_in(Scribe("一。", "二。"), (SPEECH * 20 + HUSH * 40) * 2)

    assert heard[-1].text == "一。二。"
    assert [utterance.start_ms for utterance in heard[-1].utterances] == [0, 60 * WINDOW_MS]


async def test_english_utterances_are_a_space_apart() -> None:
    heard = await heard_in(Scribe("Hello.", "How are you?"), (SPEECH * 20 + HUSH * 40) * 2)

    assert heard[-1].text == "Hello. How are you?"


async def test_silence_and_clicks_never_reach_the_model() -> None:
    scribe = Scribe("谢谢观看。")

    heard = await heard_in(scribe, HUSH * 100 + SPEECH * 3 + HUSH * 100)

    assert scribe.heard_ms == []
    assert heard == [Heard(203 * WINDOW_MS, ())]


async def test_speech_without_words_is_no_utterance() -> None:
    assert (await heard_in(Scribe(""), SPEECH * 20 + HUSH * 40))[-1].utterances == ()


async def test_finishing_makes_what_is_under_way_definite() -> None:
    heard = await heard_in(Scribe("你好。"), SPEECH * 20)

    assert heard[-1] == Heard(640, (Utterance("你好。", 0, 640, definite=True),))


async def test_a_session_without_sound_has_a_last_result() -> None:
    assert await heard_in(Scribe("")) == [Heard(0, ())]


async def test_hypotheses_come_while_the_caller_speaks_and_are_not_definite() -> None:
    async with hearing(Scribe("你", "你好。"), partials=True) as session:
        results = aiter(session)
        await session.feed(SPEECH * 25)
        first = await anext(results)
        await session.finish()
        rest = [heard async for heard in results]

    assert first.utterances == (Utterance("你", 0, 640, definite=False),)
    assert rest[-1].utterances == (Utterance("你好。", 0, 800, definite=True),)


async def test_no_hypotheses_where_the_client_gains_nothing_from_them() -> None:
    scribe = Scribe("你好。")

    heard = await heard_in(scribe, SPEECH * 100 + HUSH * 40, partials=False)

    assert len(scribe.heard_ms) == 1
    assert all(utterance.definite for result in heard for utterance in result.utterances)


async def test_a_failed_guess_is_asked_again() -> None:
    scribe = Scribe(ProviderUnavailable("asr", "gone"), "你好。")

    assert (await heard_in(scribe, SPEECH * 20 + HUSH * 40))[-1].text == "你好。"


async def test_a_model_that_stays_broken_fails_the_session() -> None:
    scribe = Scribe(ProviderUnavailable("asr", "gone"))

    with pytest.raises(ProviderUnavailable, match="gone"):
        await heard_in(scribe, SPEECH * 20 + HUSH * 40)


async def test_leaving_a_session_gives_its_work_up() -> None:
    scribe = Scribe("", patient=True)

    async with hearing(scribe) as session:
        await session.feed(SPEECH * 20 + HUSH * 40)
        await scribe.asked.wait()

    assert scribe.given_up == 1


@pytest.mark.parametrize(("sound", "most_ms"), [(HUSH, 2000), (SPEECH, 30_000)])
async def test_a_long_session_holds_a_bounded_stretch_of_sound(sound: bytes, most_ms: int) -> None:
    async with hearing(Scribe("好。")) as session:
        await session.feed(sound * (90_000 // WINDOW_MS))
        await session.finish()
        _ = [heard async for heard in session]

        assert session.kept_ms <= most_ms  # type: ignore[attr-defined]


async def test_sound_without_bound_is_refused() -> None:
    async with hearing(Scribe("")) as session:
        await session.feed(bytes(AHEAD_S * 32_000))  # does not let the listening task run

        with pytest.raises(ProviderRefused, match="wait to be recognised"):
            await session.feed(b"\0\0")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5000), max_size=30))
def test_how_sound_is_cut_into_packets_makes_no_difference(sizes: Sequence[int]) -> None:
    sound = HUSH * 5 + SPEECH * 20 + HUSH * 30 + SPEECH * 10
    edges = [0, *(min(edge, len(sound)) for edge in np.cumsum(sizes).tolist()), len(sound)]
    packets = [sound[a:b] for a, b in pairwise(edges)]

    heard = asyncio.run(heard_in(Scribe("一。", "二。"), *packets))

    assert heard[-1] == asyncio.run(heard_in(Scribe("一。", "二。"), sound))[-1]
    assert heard[-1].text == "一。二。"
