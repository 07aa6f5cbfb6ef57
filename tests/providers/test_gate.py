"""Telling speech from silence by loudness."""

import math
import random
import struct
import wave
from pathlib import Path

import pytest

from backend.providers.gate import SpeechGate

RATE = 16_000
DATA = Path(__file__).parents[1] / "data"


def tone(ms: int, peak: int = 6000) -> bytes:
    samples = (int(peak * math.sin(2 * math.pi * 220 * at / RATE)) for at in range(RATE * ms // 1000))
    return b"".join(struct.pack("<h", sample) for sample in samples)


def noise(ms: int, peak: int) -> bytes:
    dice = random.Random(7)
    return b"".join(struct.pack("<h", dice.randint(-peak, peak)) for _ in range(RATE * ms // 1000))


def heard(*pieces: bytes) -> SpeechGate:
    gate = SpeechGate()
    for piece in pieces:
        gate.hear(piece)
    return gate


def test_silence_alone_is_no_speech() -> None:
    assert not heard(bytes(RATE * 4)).spoke


def test_a_loud_stretch_is_speech_and_the_silence_after_it_counts() -> None:
    gate = heard(noise(300, 20), tone(500), noise(800, 20))

    assert gate.spoke
    assert gate.silence_ms == 800


def test_speech_that_goes_on_has_no_silence() -> None:
    gate = heard(noise(300, 20), tone(500), noise(200, 20), tone(100))

    assert gate.silence_ms == 0


def test_a_click_is_no_speech() -> None:
    assert not heard(noise(500, 20), tone(60), noise(500, 20), tone(60), noise(500, 20)).spoke


def test_a_steady_hum_stops_being_speech() -> None:
    gate = heard(noise(10_000, 1500))

    assert gate.silence_ms >= 1000


def test_it_matters_not_how_audio_is_cut_into_chunks() -> None:
    audio = noise(300, 20) + tone(500) + noise(400, 20)
    whole, pieces = heard(audio), heard(*(audio[at : at + 642] for at in range(0, len(audio), 642)))

    assert (pieces.spoke, pieces.silence_ms) == (whole.spoke, whole.silence_ms)


def test_after_a_reset_the_next_sentence_is_awaited() -> None:
    gate = heard(noise(300, 20), tone(500), noise(800, 20))

    gate.reset()
    gate.hear(noise(2000, 20))

    assert not gate.spoke


@pytest.mark.parametrize("name", ["zh_ni_hao.wav", "zh_travel.wav", "en_hello.wav"])
def test_real_speech_is_found_and_its_end_too(name: str) -> None:
    with wave.open(str(DATA / name)) as recording:
        assert recording.getframerate() == RATE
        audio = recording.readframes(recording.getnframes())

    gate = heard(noise(300, 30), audio, noise(800, 30))

    assert gate.spoke
    assert gate.silence_ms >= 800
