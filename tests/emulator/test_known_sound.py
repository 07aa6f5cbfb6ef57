"""Sound that was encoded before is not encoded again, and nobody can hear which it was."""

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import known_sound
from emulator.encode import AudioFormat, Encoder, Sound, encoder
from emulator.engines.base import Pcm
from emulator.known_sound import KnownSound

RATE_HZ = 8000
MP3 = Sound("mp3", RATE_HZ)
NAMES = "abc"


def tone(name: str) -> Pcm:
    samples = np.arange(RATE_HZ // 20) * (2 * np.pi * 200 * (1 + NAMES.index(name)) / RATE_HZ)
    return Pcm((8000 * np.sin(samples)).astype("<i2").tobytes(), RATE_HZ)


TONES = {name: tone(name) for name in NAMES}


def said(known: KnownSound, names: str, sound: Sound = MP3) -> list[bytes]:
    """A whole stream, piece by piece."""
    stream = known.stream(sound)
    return [*[stream.feed(TONES[name], name) for name in names], stream.flush()]


def afresh(names: str, sound: Sound = MP3) -> list[bytes]:
    stream = encoder(sound)
    return [*[stream.feed(TONES[name]) for name in names], stream.flush()]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Sound]:
    """The encoders that were made."""
    encoders: list[Sound] = []

    def counted(sound: Sound) -> Encoder:
        encoders.append(sound)
        return encoder(sound)

    monkeypatch.setattr(known_sound, "encoder", counted)
    return encoders


def test_a_stream_that_is_known_whole_is_not_encoded(made: list[Sound]) -> None:
    known = KnownSound()
    first = said(known, "abab")

    assert said(known, "abab") == first
    assert len(made) == 1


def test_a_stream_that_was_broken_off_is_known_as_far_as_it_came(made: list[Sound]) -> None:
    known = KnownSound()
    known.stream(MP3).feed(TONES["a"], "a")

    assert known.stream(MP3).feed(TONES["a"], "a") == afresh("a")[0]
    assert len(made) == 1


@given(st.lists(st.text(NAMES, max_size=4), max_size=5), st.integers(1, 8))
def test_whatever_was_said_before_a_stream_sounds_as_if_it_were_the_first(before: list[str], most: int) -> None:
    known = KnownSound(most)
    for names in before:
        said(known, names)

    assert said(known, "abac") == afresh("abac")


def test_a_sound_without_a_name_ends_what_is_known_of_its_stream(made: list[Sound]) -> None:
    known = KnownSound()
    said(known, "ab")
    stream = known.stream(MP3)
    spoken = [stream.feed(TONES["a"], "a"), stream.feed(TONES["c"], None), stream.feed(TONES["b"], "b"), stream.flush()]

    assert spoken == afresh("acb")
    assert said(known, "ab") == afresh("ab")
    assert len(made) == 2


@pytest.mark.parametrize("audio_format", ["pcm", "wav"])
def test_another_format_is_another_stream(audio_format: AudioFormat) -> None:
    known, sound = KnownSound(), Sound(audio_format, RATE_HZ)
    said(known, "ab")

    assert said(known, "ab", sound) == afresh("ab", sound)


def test_a_stream_of_opus_that_begins_like_another_can_be_decoded() -> None:
    known, sound = KnownSound(), Sound("ogg_opus", RATE_HZ)
    said(known, "ab", sound)

    with av.open(io.BytesIO(b"".join(said(known, "ac", sound)))) as container:
        ms = sum(1000 * frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert ms == pytest.approx(2 * 50, abs=30)
