"""How much sound may lie ready of a reply that nobody hears yet, and that others have their turn while it is made."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import pytest

from backend.give_way import AT_ONCE
from backend.marks import TurnMarks
from backend.ports import Sound, SpeechItem, SpeechOptions
from backend.shell.delivery import Delivery
from backend.shell.pieces import AHEAD_BYTES, Piece, Pieces
from backend.shell.work_time import WorkTime


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


class Deaf:
    """A client that takes nothing."""

    async def say(self, sentence: str) -> None:
        await asyncio.Event().wait()

    async def show(self, text: str) -> bool:
        return False

    async def sound(self, data: bytes, ms: float) -> None:
        await asyncio.Event().wait()


def delivery(work: WorkTime) -> Delivery:
    loudest = SpeechOptions(voice="v", audio_format="pcm", sample_rate_hz=48_000)
    return Delivery(Deaf(), TurnMarks(0.0, time.monotonic), loudest, "stream", 300, work=work)


class Voice:
    """Has spoken a minute already, and says how much of it was taken."""

    def __init__(self, size: int) -> None:
        self.taken = 0
        self._size = size

    async def __aiter__(self) -> AsyncIterator[SpeechItem]:
        while self.taken < 1000:
            self.taken += 1
            yield Sound(bytes(self._size))


async def test_of_a_synthesiser_no_more_is_read_than_may_lie_ready() -> None:
    voice, work = Voice(9600), WorkTime(60, 60)
    reply = delivery(work)
    with work:
        tasks = [asyncio.create_task(reply.take(voice)), asyncio.create_task(reply.run())]
        before = -1
        while before != voice.taken:
            before = voice.taken
            for _ in range(5):
                await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    assert AHEAD_BYTES <= voice.taken * 9600 < AHEAD_BYTES + 4 * 9600


async def test_sound_that_has_all_come_at_once_leaves_the_others_their_turn() -> None:
    voice, reply = Voice(10), delivery(WorkTime(60, 60))
    taking = asyncio.create_task(reply.take(voice))
    at = [0]
    while at[-1] < 4 * AT_ONCE:
        await asyncio.sleep(0)
        at.append(voice.taken)
        assert len(at) < 20, "it goes on"
    taking.cancel()

    assert max(after - before for before, after in itertools.pairwise(at)) <= AT_ONCE
