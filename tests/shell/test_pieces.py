"""How much sound may lie ready of a reply that nobody hears yet."""

import asyncio

import pytest

from backend.shell.pieces import AHEAD_BYTES, Piece, Pieces


async def filled(pieces: Pieces, size: int, most: int) -> int:
    """How many pieces of a size go in before one has to wait."""
    for count in range(most):
        try:
            pieces.put_nowait(Piece(bytes(size), None))
        except asyncio.QueueFull:
            return count
    return most


async def test_a_reply_lies_ready_up_to_so_many_bytes() -> None:
    assert await filled(Pieces(), 19_200, 10_000) == -(-AHEAD_BYTES // 19_200)


async def test_small_pieces_are_bounded_by_their_number() -> None:
    assert await filled(Pieces(most=5), 10, 10_000) == 5


async def test_a_piece_larger_than_all_that_may_wait_waits_alone_and_the_end_is_told() -> None:
    pieces = Pieces(most_bytes=100)
    await pieces.put(Piece(bytes(1000), "a"))
    with pytest.raises(asyncio.QueueFull):
        pieces.put_nowait(None)
    assert (await pieces.get()) == Piece(bytes(1000), "a")
    await pieces.put(Piece(bytes(99), None))
    await pieces.put(None)
    assert [await pieces.get(), await pieces.get()] == [Piece(bytes(99), None), None]
