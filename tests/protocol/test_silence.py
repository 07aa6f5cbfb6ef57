"""Silence is whole files that decoders read, and that are silent."""

import io
from typing import Literal

import av
import numpy as np
import pytest

from backend.protocol.silence import SILENCE_MS, silence
from conformance import mp3

RATES_HZ = (8_000, 16_000, 24_000, 48_000)


@pytest.mark.parametrize("audio_format", ["mp3", "opus"])
@pytest.mark.parametrize("sample_rate", RATES_HZ)
def test_a_decoder_reads_the_whole_of_it_and_hears_nothing(
    audio_format: Literal["mp3", "opus"], sample_rate: int
) -> None:
    with av.open(io.BytesIO(silence(audio_format, sample_rate))) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
        rate_hz = file.streams.audio[0].rate

    samples = np.concatenate(frames, axis=1)
    assert rate_hz == (sample_rate if audio_format == "mp3" else 48_000)
    assert np.abs(samples).max() < 1e-6
    assert abs(1000 * samples.shape[1] / rate_hz - SILENCE_MS) < 80


@pytest.mark.parametrize("sample_rate", RATES_HZ)
def test_as_mp3_it_stands_alone(sample_rate: int) -> None:
    sound = mp3.read(silence("mp3", sample_rate))

    assert (sound.rate_hz, sound.borrows) == (sample_rate, False)


@pytest.mark.parametrize("sample_rate", RATES_HZ)
def test_as_raw_samples_it_is_zeros(sample_rate: int) -> None:
    assert silence("pcm", sample_rate) == bytes(sample_rate * 2 * SILENCE_MS // 1000)
