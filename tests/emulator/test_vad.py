"""Endpointing by probabilities, and bringing sound to 16 kHz; no model."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.vad import LONGEST_MS, WINDOW_MS, Began, Ended, Endpointer, Paused, Resampler, SpeechEvent

SPEECH, HUSH = 0.9, 0.05


def events(endpointer: Endpointer, *runs: tuple[float, int]) -> list[SpeechEvent]:
    """Of runs of (probability, windows)."""
    found = (endpointer.window(probability) for probability, count in runs for _ in range(count))
    return [event for event in found if event is not None]


def test_an_utterance_begins_pauses_and_ends_on_the_audio_clock() -> None:
    heard = events(Endpointer(800), (HUSH, 10), (SPEECH, 20), (HUSH, 30))

    assert heard == [Began(320), Paused(320, 960), Ended(320, 960, spoken=True)]


def test_the_end_comes_when_the_silence_is_as_long_as_asked() -> None:
    endpointer = Endpointer(640)
    events(endpointer, (SPEECH, 20))

    assert events(endpointer, (HUSH, 19)) == [Paused(0, 640)]
    assert events(endpointer, (HUSH, 1)) == [Ended(0, 640, spoken=True)]


def test_nothing_ends_for_its_silence_before_it_may() -> None:
    endpointer = Endpointer(320, not_before_ms=1280)

    assert events(endpointer, (SPEECH, 10), (HUSH, 29)) == [Began(0), Paused(0, 320)]
    assert events(endpointer, (HUSH, 1)) == [Ended(0, 320, spoken=True)]


def test_speech_that_goes_on_makes_the_next_pause_a_new_one() -> None:
    heard = events(Endpointer(800), (SPEECH, 20), (HUSH, 10), (SPEECH, 5), (HUSH, 30))

    assert heard == [Began(0), Paused(0, 640), Paused(0, 1120), Ended(0, 1120, spoken=True)]


def test_clicks_begin_nothing_and_a_cough_is_not_speech() -> None:
    assert events(Endpointer(800), (SPEECH, 2), (HUSH, 50)) == []
    assert events(Endpointer(800), (SPEECH, 3), (HUSH, 50)) == [Began(0), Ended(0, 96, spoken=False)]


def test_doubtful_windows_continue_speech_but_do_not_begin_it() -> None:
    doubt = 0.42

    assert events(Endpointer(800), (doubt, 100)) == []
    assert events(Endpointer(800), (SPEECH, 5), (doubt, 100)) == [Began(0)]


def test_endless_speech_is_cut_before_the_model_overflows() -> None:
    heard = events(Endpointer(800), (SPEECH, LONGEST_MS // WINDOW_MS + 10))

    assert heard[1] == Ended(0, (LONGEST_MS + WINDOW_MS - 1) // WINDOW_MS * WINDOW_MS, spoken=True)
    assert isinstance(heard[2], Began)


def test_the_end_of_the_session_ends_the_utterance() -> None:
    endpointer = Endpointer(800)
    events(endpointer, (SPEECH, 10))

    assert endpointer.end() == Ended(0, 320, spoken=True)
    assert endpointer.end() is None


@given(st.lists(st.floats(0, 1), max_size=400), st.sampled_from([200, 300, 800, 2000]))
def test_utterances_never_overlap_and_every_beginning_has_an_end(probabilities: list[float], window_ms: int) -> None:
    endpointer = Endpointer(window_ms)
    heard = [event for probability in probabilities if (event := endpointer.window(probability))]
    if (last := endpointer.end()) is not None:
        heard.append(last)

    edges = [event for event in heard if not isinstance(event, Paused)]
    assert [type(edge) for edge in edges] == [Began, Ended] * (len(edges) // 2)
    ends = [edge for edge in edges if isinstance(edge, Ended)]
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(ends))
    assert all(0 <= edge.start_ms < edge.end_ms <= endpointer.now_ms for edge in ends)


@pytest.mark.parametrize("rate_hz", [8000, 24_000, 44_100, 48_000])
@given(cuts=st.lists(st.integers(1, 3000), min_size=1, max_size=8))
def test_resampling_keeps_a_tone_however_it_is_cut(rate_hz: int, cuts: list[int]) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(sum(cuts)) / rate_hz).astype(np.float32)
    resampler = Resampler(rate_hz)

    made = np.concatenate([resampler(part) for part in np.split(tone, np.cumsum(cuts)[:-1])])

    expected = np.sin(2 * np.pi * 200 * np.arange(len(made)) / 16_000)
    assert abs(len(made) - len(tone) * 16_000 / rate_hz) <= 16_000 / rate_hz + 1
    assert np.abs(made - expected).max(initial=0) < 0.01


def test_sound_at_16_khz_is_left_alone() -> None:
    sound = np.ones(5, np.float32)

    assert Resampler(16_000)(sound) is sound
