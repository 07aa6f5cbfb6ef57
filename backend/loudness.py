"""How loud sound is, and how loud it is where nobody speaks. Pure, and cheap enough for every frame of every call."""

import sys
from array import array
from math import hypot
from typing import Final

QUIETEST: Final = 40.0  # of the noise floor, as root mean square: about -58 dB of full scale

_THINNING: Final = 16  # every 16th sample tells the loudness as well, at a fraction of the work
_LOUDEST_AT_START: Final = 300.0
_RISE_PER_MS: Final = 1.00035  # 3 dB a second, so that a fan stops being speech within seconds
_KEPT_PER_MS: Final = 0.982  # of its height over what is quieter: most of it is gone within a tenth of a second


def levels(pcm: bytes, block_samples: int) -> list[float]:
    """The root mean square of each block.

    Args:
        pcm: signed 16-bit little-endian, a whole number of blocks.
        block_samples: a multiple of 16.
    """
    samples = array("h", pcm)[::_THINNING]
    if sys.byteorder == "big":
        samples.byteswap()
    thin, size = samples.tolist(), block_samples // _THINNING
    root = size**0.5
    return [hypot(*thin[start : start + size]) / root for start in range(0, len(thin), size)]


class NoiseFloor:
    """Learns how loud it is where nobody speaks: falls fast, rises slowly.

    Args:
        step_ms: of audio from one level to the next.
        over: how many times the floor is loud.
    """

    def __init__(self, step_ms: int, over: float) -> None:
        self._over = over
        self._rise = _RISE_PER_MS**step_ms
        self._kept = _KEPT_PER_MS**step_ms
        self._floor = 0.0

    def is_loud(self, level: float) -> bool:
        """Whether the next level stands out; the floor learns from it."""
        if not self._floor:
            self._floor = min(max(level, QUIETEST), _LOUDEST_AT_START)
        loud = level > self._floor * self._over
        if level < self._floor:
            self._floor = max(QUIETEST, level + self._kept * (self._floor - level))
        else:
            self._floor *= self._rise
        return loud
