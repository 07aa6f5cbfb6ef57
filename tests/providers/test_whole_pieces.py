"""Cutting a stream of sound where it may be cut."""

from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.providers.whole_pieces import WholeFrames, WholePieces, WholeSamples, whole_pieces
from emulator.encode import Sound as Wanted
from emulator.encode import encoder
from emulator.engines.base import Pcm


def mp3() -> bytes:
    wave = (np.sin(np.arange(24_000) / 9) * 8000).astype("<i2").tobytes()
    stream = encoder(Wanted("mp3", 24_000))
    return stream.feed(Pcm(wave, 24_000)) + stream.flush()


MP3 = mp3()


def fed(pieces: WholePieces, data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [pieces.feed(data[start:end]) for start, end in pairwise(edges)]


@given(st.lists(st.integers(0, len(MP3))))
def test_however_mp3_is_cut_whole_frames_come_out_and_nothing_is_lost(cuts: list[int]) -> None:
    pieces = WholeFrames()

    out = fed(pieces, MP3, cuts)

    assert b"".join(out) + pieces.flush() == MP3
    assert all(piece[:1] in (b"", b"\xff") for piece in out)
    assert len(b"".join(out)) == len(MP3)


@given(st.binary(max_size=500), st.lists(st.integers(0, 500)))
def test_whatever_comes_is_given_back_in_order(data: bytes, cuts: list[int]) -> None:
    pieces = WholeFrames()

    out = fed(pieces, data, [min(cut, len(data)) for cut in cuts])

    assert b"".join(out) + pieces.flush() == data


@given(st.binary(max_size=100), st.lists(st.integers(0, 100)))
def test_samples_are_never_torn(data: bytes, cuts: list[int]) -> None:
    out = fed(WholeSamples(), data, [min(cut, len(data)) for cut in cuts])

    assert all(len(piece) % 2 == 0 for piece in out)
    assert b"".join(out) == data[: len(data) // 2 * 2]


def test_a_stream_that_begins_anywhere_decodes() -> None:
    pieces = WholeFrames()
    pieces.feed(MP3[:1000])
    codec = av.CodecContext.create("mp3float", "r")

    frames = [frame for packet in codec.parse(pieces.feed(MP3[1000:])) for frame in codec.decode(packet)]

    assert sum(frame.samples for frame in frames) >= 576 * 20


def test_an_ogg_stream_is_not_cut() -> None:
    with pytest.raises(ValueError, match="one piece"):
        whole_pieces("opus")
