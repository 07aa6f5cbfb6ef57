"""A call's sound, cut into the windows that the model judges. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from backend.ports import SAMPLE_BYTES, SAMPLE_RATE_HZ

WINDOW_SAMPLES: Final = 512
WINDOW_MS: Final = WINDOW_SAMPLES * 1000 // SAMPLE_RATE_HZ
CONTEXT_SAMPLES: Final = 64
"""The model sees the end of the window before, too."""

CONTEXT_BYTES: Final = CONTEXT_SAMPLES * SAMPLE_BYTES
_WINDOW_BYTES: Final = WINDOW_SAMPLES * SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Window:
    """32 ms of sound that may hold speech.

    Attributes:
        index: of the window in the call; it covers `index * WINDOW_MS` and the 32 ms after.
        sound: its samples, after those of its context.
        loud: whether it stands out from the noise.
        hushed: how many windows right before it were silence and were left out.
    """

    index: int
    sound: bytes
    loud: bool = True
    hushed: int = 0


class Cutter:
    """Takes sound in pieces of any size, and gives it in windows with their contexts."""

    def __init__(self) -> None:
        self._rest = bytearray(CONTEXT_BYTES)

    def cut(self, pcm: bytes) -> Iterator[bytes]:
        """The windows that this piece completes."""
        self._rest += pcm
        while len(self._rest) >= CONTEXT_BYTES + _WINDOW_BYTES:
            sound = bytes(self._rest[: CONTEXT_BYTES + _WINDOW_BYTES])
            del self._rest[:_WINDOW_BYTES]
            yield sound
