"""How long encoded audio sounds."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.protocol.sound import Mp3Clock, OggOpusClock, PcmClock, sound_clock
from emulator.encode import Sound, encoder
from emulator.engines.base import Pcm

TONE = (np.sin(np.arange(48_000) * 0.05) * 8000).astype("<i2")  # 2 s at 24 kHz


def encoded(audio_format: Literal["mp3", "opus", "pcm"], rate_hz: int) -> bytes:
    made = encoder(Sound("ogg_opus" if audio_format == "opus" else audio_format, rate_hz))
    return made.feed(Pcm(TONE.tobytes(), 24_000)) + made.flush()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
@pytest.mark.parametrize("audio_format", ["mp3", "opus", "pcm"])
def test_two_seconds_are_two_seconds_in_every_format(audio_format: Literal["mp3", "opus", "pcm"], rate_hz: int) -> None:
    data = encoded(audio_format, rate_hz)
    clock = sound_clock(audio_format, rate_hz)

    total_ms = sum(clock.feed(data[at : at + 777]) for at in range(0, len(data), 777))

    assert total_ms == pytest.approx(2000, abs=200)  # an MP3 begins and ends with frames of its own


@given(st.binary(max_size=400))
def test_any_bytes_last_some_time_or_none(data: bytes) -> None:
    assert PcmClock(24_000).feed(data) >= 0
    assert Mp3Clock().feed(data) >= 0
    assert OggOpusClock().feed(data) >= 0
