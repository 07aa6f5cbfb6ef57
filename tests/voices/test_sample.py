"""Recordings of voices: what the vendor would take, and how long they are kept."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.voices.sample import MOST_BYTES, SampleDesk, SampleError, checked
from tests.voices.house import recording

MP3_FRAME = bytes.fromhex("fff384c4") + bytes(188)
"""24 ms at 24 kHz and 64 kbit/s."""


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (recording(), "wav"),
        (recording(rate_hz=48_000), "wav"),
        (recording()[:40] + b"\xff\xff\xff\x7f" + recording()[44:], "wav"),
        (MP3_FRAME * 250, "mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + MP3_FRAME * 250, "mp3"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(100), "m4a"),
    ],
)
def test_recordings_of_three_kinds_are_taken(data: bytes, suffix: str) -> None:
    sample = checked(data)

    assert (sample.suffix, sample.data) == (suffix, data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "format"),
        (b"OggS" + bytes(100), "format"),
        (b"\xff\xd8\xff\xe0 a picture", "format"),
        (b"RIFF\x00\x00\x00\x00WAVE", "format"),
        (recording(width=1), "format"),
        (recording(seconds=4), "too_short"),
        (recording(seconds=61), "too_long"),
        (MP3_FRAME * 100, "too_short"),
        (recording(seconds=4)[:40] + b"\xff\xff\xff\x7f" + recording(seconds=4)[44:], "too_short"),
        (recording(rate_hz=8000), "rate"),
        (recording(peak=100), "silent"),
        (bytes(MOST_BYTES + 1), "too_large"),
    ],
)
def test_others_are_refused_with_the_reason(data: bytes, problem: str) -> None:
    with pytest.raises(SampleError) as refusal:
        checked(data)

    assert refusal.value.problem == problem


GOOD = recording(seconds=0.1)
DAMAGED = st.tuples(st.integers(4, 60), st.binary(min_size=1, max_size=8)).map(
    lambda damage: GOOD[: damage[0]] + damage[1] + GOOD[damage[0] + len(damage[1]) :]
)


@given(DAMAGED | st.binary().map(b"RIFF\0\0\0\0WAVE".__add__) | st.binary().map(b"ID3".__add__) | st.binary())
@example(GOOD[:15] + b"\0\0" + GOOD[17:])
def test_any_bytes_are_a_recording_or_are_refused(data: bytes) -> None:
    with suppress(SampleError):
        assert checked(data).data == data


def test_a_recording_is_kept_under_a_name_that_cannot_be_guessed_until_it_is_dropped_or_its_time_is_over() -> None:
    now = [0.0]
    desk, sample = SampleDesk(kept_s=10, most=3, clock=lambda: now[0]), checked(recording())

    first, second = desk.put(sample), desk.put(sample)
    assert first != second
    assert len(first) == len("x" * 43 + ".wav")
    assert desk.get(first) is sample
    assert desk.get("a" * 43 + ".wav") is None
    desk.drop(first)
    assert desk.get(first) is None
    now[0] = 9.9
    assert desk.get(second) is sample
    now[0] = 10.0
    assert desk.get(second) is None


def test_only_so_many_recordings_wait_at_once() -> None:
    desk, sample = SampleDesk(most=2), checked(recording())
    desk.put(sample)
    desk.put(sample)

    with pytest.raises(SampleError, match="try again"):
        desk.put(sample)
