"""Cutting sound into windows."""

from hypothesis import given
from hypothesis import strategies as st

from backend.vad.windows import CONTEXT_BYTES, WINDOW_SAMPLES, Cutter

WINDOW_BYTES = 2 * WINDOW_SAMPLES


def sound(size: int) -> bytes:
    return bytes(at * 7 % 251 for at in range(size))


def test_a_window_comes_after_the_end_of_the_one_before_it() -> None:
    pcm = sound(2 * WINDOW_BYTES)

    first, second = Cutter().cut(pcm)

    assert first == bytes(CONTEXT_BYTES) + pcm[:WINDOW_BYTES]
    assert second == pcm[WINDOW_BYTES - CONTEXT_BYTES :]


def test_what_is_short_of_a_window_waits_for_the_rest() -> None:
    cutter = Cutter()

    assert list(cutter.cut(sound(WINDOW_BYTES - 2))) == []
    assert len(list(cutter.cut(b"\0\0"))) == 1


@given(st.lists(st.integers(0, 2000).map(lambda samples: 2 * samples), max_size=12))
def test_it_matters_not_how_sound_comes_in_pieces(sizes: list[int]) -> None:
    pcm, cutter, at = sound(sum(sizes)), Cutter(), 0
    pieces: list[bytes] = []
    for size in sizes:
        pieces += cutter.cut(pcm[at : at + size])
        at += size

    assert pieces == list(Cutter().cut(pcm))
