"""Pieces of sound that wait for their time, bounded by what they weigh."""

import asyncio
from dataclasses import dataclass
from typing import Final

PIECES_AHEAD: Final = 512
"""That may wait; a synthesiser that is faster is read more slowly."""
AHEAD_BYTES: Final = 1024 * 1024
"""Likewise, of all of them: a minute as MP3, and eleven seconds of the loudest format there is, 48 kHz raw."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One audio frame to be; `sentence` is announced before it."""

    data: bytes
    sentence: str | None


class Pieces(asyncio.Queue[Piece | None]):
    """The pieces of one reply that wait, then None. A piece that alone weighs more than may wait does so alone."""

    def __init__(self, most: int = PIECES_AHEAD, most_bytes: int = AHEAD_BYTES) -> None:
        super().__init__(most)
        self._most_bytes = most_bytes
        self._bytes = 0

    def full(self) -> bool:
        """Whether who brings one more has to wait."""
        return super().full() or self._bytes >= self._most_bytes

    def _put(self, item: Piece | None) -> None:
        self._bytes += 0 if item is None else len(item.data)
        super()._put(item)

    def _get(self) -> Piece | None:
        item = super()._get()
        self._bytes -= 0 if item is None else len(item.data)
        return item
