"""The detector with Silero's model, on recordings, noise and silence."""

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ports import BYTES_PER_MS
from backend.vad.batch import Batcher, Line, Scorer
from backend.vad.detector import SileroActivity, SileroDetector
from backend.vad.silero import Silero
from backend.vad.windows import Cutter, Window
from tests.vad.sounds import mixed, noise, recording, silence, tone

FRAME_BYTES = 20 * BYTES_PER_MS
RECORDINGS = ["zh_ni_hao.wav", "zh_travel.wav", "en_hello.wav"]
NEAR_MS = 70
SOON_MS = 120


class AtOnce(Batcher):
    """Judges in the moment of asking, so that a test knows when an edge was noticed."""

    def __init__(self, model: Scorer) -> None:
        super().__init__(lambda: model)
        self._model = model

    def submit(self, line: Line, windows: Sequence[Window]) -> None:
        for window in windows:
            (probability,), (line.memory,) = self._model.score([window.sound], [line.memory])
            self.counters.windows += 1
            line.deliver(window, probability)


class Ear:
    """A call; keeps its edges, and how much sound had been fed when each was noticed."""

    def __init__(self, batcher: Batcher) -> None:
        batcher.open = Line  # type: ignore[method-assign]  # nothing to load
        self.edges: list[tuple[bool, int]] = []
        self.noticed_ms: list[float] = []
        self._fed_bytes = 0
        self._activity = SileroActivity(batcher, self._changed)

    def hear(self, pcm: bytes, frame_bytes: int = FRAME_BYTES) -> None:
        for at in range(0, len(pcm), frame_bytes):
            frame = pcm[at : at + frame_bytes]
            self._fed_bytes += len(frame)
            self._activity.feed(frame)

    def _changed(self, speaking: bool, at_ms: int) -> None:
        self.edges.append((speaking, at_ms))
        self.noticed_ms.append(self._fed_bytes / BYTES_PER_MS)


@cache
def loaded(weights: Path) -> Silero:
    return Silero(weights)


@pytest.fixture
def batcher(silero_weights: Path) -> AtOnce:
    return AtOnce(loaded(silero_weights))


def sounding(pcm: bytes, over: int = 60) -> tuple[float, float]:
    """Where a clean recording's sound begins and ends, in ms: the 10 ms blocks that are not silent."""
    blocks = np.frombuffer(pcm[: len(pcm) // 320 * 320], "<i2").astype(float).reshape(-1, 160)
    loud = np.flatnonzero((blocks**2).mean(1) ** 0.5 > over)
    return 10.0 * loud[0], 10.0 * (loud[-1] + 1)


@pytest.mark.parametrize("name", RECORDINGS)
def test_speech_is_found_where_it_is_and_noticed_soon(batcher: AtOnce, name: str) -> None:
    pcm, ear = recording(name), Ear(batcher)
    starts_ms, ends_ms = sounding(pcm)

    ear.hear(pcm)

    (first, first_ms), (last, last_ms) = ear.edges[0], ear.edges[-1]
    assert (first, last) == (True, False)
    assert first_ms == pytest.approx(starts_ms, abs=NEAR_MS)
    assert last_ms == pytest.approx(ends_ms, abs=NEAR_MS)
    assert all(noticed - at <= SOON_MS for noticed, (_, at) in zip(ear.noticed_ms, ear.edges, strict=True))


@pytest.mark.parametrize("name", RECORDINGS)
def test_speech_is_found_in_a_noisy_room(batcher: AtOnce, name: str) -> None:
    pcm, ear = recording(name), Ear(batcher)
    starts_ms, ends_ms = sounding(pcm)

    ear.hear(noise(3000, 300))
    ear.hear(mixed(pcm, noise(len(pcm) // BYTES_PER_MS + 1, 300, seed=8)[: len(pcm)]))

    assert ear.edges[0][1] - 3000 == pytest.approx(starts_ms, abs=2 * NEAR_MS)
    assert ear.edges[-1][1] - 3000 == pytest.approx(ends_ms, abs=2 * NEAR_MS)
    assert not ear.edges[-1][0]


def test_speech_after_a_long_silence_is_found_as_well(batcher: AtOnce) -> None:
    pcm, ear = recording("zh_ni_hao.wav"), Ear(batcher)
    ear.hear(pcm + silence(20_000))
    shift_ms = (len(pcm) + len(silence(20_000))) / BYTES_PER_MS
    edges = ear.edges.copy()

    ear.hear(pcm)

    again = [(speaking, at_ms - shift_ms) for speaking, at_ms in ear.edges[len(edges) :]]
    assert [speaking for speaking, _ in again] == [speaking for speaking, _ in edges]
    assert again[0][1] == pytest.approx(edges[0][1], abs=NEAR_MS)
    assert again[-1][1] == pytest.approx(edges[-1][1], abs=NEAR_MS)


@pytest.mark.parametrize("level", [10, 300, 3000, 10_000])
def test_noise_is_no_speech(batcher: AtOnce, level: float) -> None:
    ear = Ear(batcher)

    ear.hear(silence(500) + noise(4000, level) + silence(500))

    assert ear.edges == []


def test_silence_and_tones_are_no_speech(batcher: AtOnce) -> None:
    ear = Ear(batcher)

    ear.hear(silence(5000) + tone(2000, hz=440) + silence(1000))

    assert ear.edges == []


def test_speech_that_sinks_under_the_noise_is_left_to_the_model() -> None:
    class Convinced:
        def score(self, sounds: Sequence[bytes], memories: Sequence[Any]) -> tuple[list[float], list[Any]]:
            return [0.9] * len(sounds), list(memories)

    batcher = AtOnce(Convinced())
    ear = Ear(batcher)

    ear.hear(tone(320) + silence(3200))

    assert ear.edges == [(True, 0)]
    assert batcher.counters.windows == 110


def test_silence_costs_no_run_of_the_model(batcher: AtOnce) -> None:
    ear = Ear(batcher)

    ear.hear(silence(60_000))

    assert batcher.counters.windows == 0


@settings(max_examples=15)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=8))
def test_it_matters_not_how_sound_comes_in_frames(silero_weights: Path, sizes: list[int]) -> None:
    pcm = recording("zh_ni_hao.wav")[: 1500 * BYTES_PER_MS]
    whole, pieces = Ear(AtOnce(loaded(silero_weights))), Ear(AtOnce(loaded(silero_weights)))
    whole.hear(pcm)

    at = 0
    while at < len(pcm):
        for size in sizes:
            pieces.hear(pcm[at : at + 2 * size], 2 * size)
            at += 2 * size

    assert pieces.edges == whole.edges != []


def test_a_batch_says_what_single_runs_say(silero_weights: Path) -> None:
    model = loaded(silero_weights)
    calls = [list(Cutter().cut(recording(name)))[10:30] for name in RECORDINGS]
    single, memories = [], [None] * len(calls)
    for windows in calls:
        memory = None
        for sound in windows:
            (probability,), (memory,) = model.score([sound], [memory])
        single.append(probability)

    for sounds in zip(*calls, strict=True):
        batched, memories = model.score(sounds, memories)  # type: ignore[assignment]

    assert batched == pytest.approx(single, abs=1e-4)
    assert max(single) > 0.9


async def test_fifty_calls_at_once_share_one_model_and_its_runs(silero_weights: Path) -> None:
    loads: list[Path] = []

    def load(path: Path) -> Silero:
        loads.append(path)
        return Silero(path)

    detector = SileroDetector(silero_weights, load)
    speech = recording("zh_ni_hao.wav")[300 * BYTES_PER_MS : 1000 * BYTES_PER_MS]
    begun: dict[int, int] = {}
    all_begun = asyncio.Event()

    def began(call: int, at_ms: int) -> None:
        begun[call] = at_ms
        if len(begun) == 50:
            all_begun.set()

    calls = [detector.open(lambda _, at_ms, call=call: began(call, at_ms)) for call in range(50)]  # type: ignore[misc]
    for at in range(0, len(speech), FRAME_BYTES):
        for call in calls:
            call.feed(speech[at : at + FRAME_BYTES])
    async with asyncio.timeout(60):
        await all_begun.wait()
    await detector.aclose()

    assert len(loads) == 1
    assert len(set(begun.values())) == 1
    assert detector.counters.dropped == 0
    assert detector.counters.windows >= 25 * detector.counters.runs


async def test_a_call_that_closed_reports_nothing(silero_weights: Path) -> None:
    detector = SileroDetector(silero_weights)
    speech = recording("zh_ni_hao.wav")[300 * BYTES_PER_MS : 1000 * BYTES_PER_MS]
    gone: list[bool] = []
    begun = asyncio.Event()
    leaving = detector.open(lambda speaking, _: gone.append(speaking))
    staying = detector.open(lambda *_: begun.set())

    leaving.feed(speech)
    leaving.close()
    leaving.feed(speech)
    staying.feed(speech)
    async with asyncio.timeout(60):
        await begun.wait()
    await detector.aclose()

    assert gone == []
