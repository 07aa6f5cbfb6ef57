"""How much a client may send ahead of a call that outlives its connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backend.connections.kept_line import INBOUND, INBOUND_BYTES, KeptLine, ResumeLimits
from backend.protocol.frames import Framing


class Flood:
    """A connection that always has another message, and notes how many were taken."""

    was_cut = False

    def __init__(self, message: bytes | str) -> None:
        self._message = message
        self.taken = 0

    async def messages(self) -> AsyncIterator[bytes | str]:
        while True:
            self.taken += 1
            yield self._message
            await asyncio.sleep(0)

    async def send(self, data: bytes) -> None:
        """Nobody hears it."""

    async def close(self, code: int, reason: str) -> None:
        """It has no end."""

    def hurry(self) -> None:
        """It is never in the way."""


async def settled(flood: Flood) -> int:
    """How many were taken once no more are."""
    before = -1
    while before != flood.taken:
        before = flood.taken
        for _ in range(10):
            await asyncio.sleep(0)
    return before


@pytest.mark.parametrize(
    ("message", "waiting"),
    [
        (bytes(2**20), 1),
        (bytes(100_000), 2),
        ("a" * 100_000, 2),
        (bytes(100), INBOUND),
    ],
    ids=["larger than the bound", "large", "text", "small"],
)
async def test_what_waits_for_the_call_is_bounded_by_its_bytes_and_its_number(message: bytes, waiting: int) -> None:
    flood = Flood(message)
    line = KeptLine(flood, Framing.SIZED, ResumeLimits())
    carrying = asyncio.create_task(line.carry(flood))
    try:
        assert await settled(flood) == waiting + 1, "the one that finds no room waits where it was read"
        heard = line.messages()
        for _ in range(3):
            assert await anext(heard) == message
        assert waiting + 3 <= await settled(flood) <= waiting + 4, "the third is still the call's"
    finally:
        line.end()
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
    assert len(message) * waiting <= max(INBOUND_BYTES, len(message))
