"""Who sends what is costly to read is read more slowly; a call as callers hold it is never held up."""

import pytest

from backend.access.toll import Toll, cost_s
from tests.support.caller import SPEECH_100_MS, audio_up, event_up

BOMB = b"\x11\x20\x01\x00" + bytes(20_000)


@pytest.mark.parametrize("frame_ms", [20, 100])
def test_a_caller_who_speaks_and_types_never_waits(frame_ms: int) -> None:
    toll, now = Toll(), 100.0
    frame = audio_up(SPEECH_100_MS[: frame_ms * 32])
    position = event_up("PlaybackPosition", {"turn": 1, "played_ms": 9})
    for number in range(60_000 // frame_ms):
        now += frame_ms / 1000
        assert toll.wait_s(cost_s(frame), now) == 0
        if number % 20 == 0:
            assert toll.wait_s(cost_s(position), now) == 0


def test_sound_in_gzip_is_no_bomb() -> None:
    toll, now = Toll(), 100.0
    packed = b"\x11\x20\x01\x00" + bytes(600)
    for _ in range(3000):
        now += 0.02
        assert toll.wait_s(cost_s(packed), now) == 0


def test_ten_seconds_of_sound_that_come_at_once_are_read_at_once() -> None:
    toll = Toll()
    assert [toll.wait_s(cost_s(audio_up(SPEECH_100_MS)), 100.0) for _ in range(100)] == [0] * 100


@pytest.mark.parametrize("message", [BOMB, event_up("x"), b"\x11\x10\x10\x00" + bytes(10**6), "text"])
def test_who_sends_without_end_gets_two_hundredths_of_a_core(message: bytes | str) -> None:
    toll, now, read = Toll(), 100.0, 0
    while now < 110:
        now += toll.wait_s(cost_s(message), now)
        read += 1

    assert read * cost_s(message) < 10 * 0.02 + 0.04 + 2 * cost_s(message)


def test_sound_is_paid_for_by_its_length() -> None:
    toll, now, read = Toll(), 100.0, 0
    large = b"\x11\x20\x00\x00" + bytes(2**20)
    while now < 110:
        now += toll.wait_s(cost_s(large), now)
        read += len(large)

    assert read < 15 * 2**20
