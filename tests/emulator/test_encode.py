"""Encoders: what goes in as PCM comes out playable, as it goes in."""

import io

import av
import numpy as np
import pytest

from emulator.encode import FORMATS, RATES_HZ, AudioFormat, Sound, encoder
from emulator.engines.base import Pcm

TONE = (8000 * np.sin(np.arange(24000) * 2 * np.pi * 440 / 24000)).astype("<i2").tobytes()
PIECES = [Pcm(TONE[at : at + 9600], 24000) for at in range(0, len(TONE), 9600)]


def _pitch_hz(data: bytes, sound: Sound) -> float:
    """Of the loudest tone in it."""
    if sound.audio_format == "pcm":
        samples, rate_hz = np.frombuffer(data, dtype="<i2").astype(float), sound.sample_rate_hz
    else:
        container = {"ogg_opus": "ogg"}.get(sound.audio_format, sound.audio_format)
        with av.open(io.BytesIO(data), format=container) as source:
            frames = list(source.decode(audio=0))
        samples, rate_hz = np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / rate_hz)[spectrum.argmax()])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("audio_format", ["mp3", "ogg_opus", "pcm"])
def test_a_tone_keeps_its_pitch_in_every_format_and_rate(audio_format: AudioFormat, rate_hz: int) -> None:
    sound = Sound(audio_format, rate_hz)
    stream = encoder(sound)
    data = b"".join([*[stream.feed(piece) for piece in PIECES], stream.flush()])

    assert _pitch_hz(data, sound) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_sound_comes_out_while_it_goes_in(audio_format: AudioFormat) -> None:
    stream = encoder(Sound(audio_format))
    sizes = [len(stream.feed(piece)) for piece in PIECES]

    assert all(sizes)


def test_pcm_at_its_own_rate_is_passed_on_untouched() -> None:
    stream = encoder(Sound("pcm", 24000))

    assert b"".join([*[stream.feed(piece) for piece in PIECES], stream.flush()]) == TONE


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_stream_without_sound_ends_without_fault(audio_format: AudioFormat) -> None:
    data = encoder(Sound(audio_format)).flush()

    assert len(data) < 1000
