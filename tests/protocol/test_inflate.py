"""A gzip body is inflated within its bound, and what says that it is larger is not inflated at all."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.protocol.header import inflate

KIB = 1024


@given(st.binary(max_size=2000), st.integers(0, 2500))
def test_what_fits_comes_whole_and_what_does_not_is_refused(data: bytes, most: int) -> None:
    packed = gzip.compress(data)
    if len(data) <= most:
        assert inflate(packed, most) == data
    else:
        with pytest.raises(ProtocolError, match=f"more than {most} bytes"):
            inflate(packed, most)


@given(st.binary(max_size=200))
def test_any_bytes_inflate_or_are_refused(data: bytes) -> None:
    with suppress(ProtocolError):
        assert len(inflate(data, 1000)) <= 1000


def test_a_bomb_that_owns_up_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(2**20))

    def never(*_: object) -> None:
        raise AssertionError("it was begun with")

    monkeypatch.setattr(zlib, "decompressobj", never)
    with pytest.raises(ProtocolError, match="inflates to more"):
        inflate(bomb, 64 * KIB)


def test_a_bomb_that_lies_is_inflated_no_further_than_the_bound() -> None:
    honest = gzip.compress(bytes(2**20))
    with pytest.raises(ProtocolError, match="inflates to more"):
        inflate(honest[:-4] + bytes(4), 64 * KIB)


@pytest.mark.parametrize(
    "change", [lambda packed: packed[:-9], lambda packed: packed[:-8] + bytes(8), lambda packed: packed + b"rest"]
)
def test_what_is_cut_short_or_wrong_or_followed_by_something_else_is_no_gzip(change: object) -> None:
    assert callable(change)
    with pytest.raises(ProtocolError, match=r"not a gzip stream|inflates to more"):
        inflate(change(gzip.compress(b"speech" * 100)), 64 * KIB)


def test_nothing_is_nothing_and_zeros_after_the_end_are_padding() -> None:
    assert inflate(b"", 10) == b""
    assert inflate(gzip.compress(b"speech") + bytes(8), 10) == b"speech"
