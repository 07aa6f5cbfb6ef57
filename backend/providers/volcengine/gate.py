"""Tells speech from silence by loudness alone, on the audio clock. Pure.

It decides no turn where the service can: only `bigmodel_nostream`, which says nothing before the last packet, and the
watch over a service that stays silent although someone spoke, depend on it.
"""

import sys
from array import array
from operator import mul
from typing import Final

from backend.ports import BYTES_PER_MS, SAMPLE_BYTES

BLOCK_MS: Final = 20
MIN_SPEECH_MS: Final = 120
"""Less sound than this is a click or a cough."""

_FORGET_MS: Final = 300  # so much silence makes a short sound forgotten
_THINNING: Final = 16  # every 16th sample tells the loudness as well, at a fraction of the work
_BLOCK_BYTES: Final = BLOCK_MS * BYTES_PER_MS
_BLOCK_SAMPLES: Final = _BLOCK_BYTES // SAMPLE_BYTES // _THINNING
_QUIETEST: Final = 40.0  # of the noise floor, as root mean square: about -58 dB of full scale
_LOUDEST_AT_START: Final = 300.0
_OVER_FLOOR: Final = 3.2  # 10 dB
_FLOOR_RISE: Final = 1.007  # 3 dB a second, so that a fan stops being speech within seconds
_FLOOR_FALL: Final = 0.3


class SpeechGate:
    """Follows one session's audio.

    Attributes:
        silence_ms: since the last loud block; counts only once someone spoke.
        spoke: enough was loud since the last `reset`.
    """

    def __init__(self) -> None:
        self._floor = 0.0
        self._rest = b""
        self.reset()

    def reset(self) -> None:
        """Begin with the next sentence; the noise floor stays known."""
        self.speech_ms = 0
        self.silence_ms = 0
        self.spoke = False

    def hear(self, pcm: bytes) -> None:
        """Follow some more audio."""
        data = self._rest + pcm if self._rest else pcm
        whole = len(data) - len(data) % _BLOCK_BYTES
        self._rest = data[whole:]
        samples = array("h", data[:whole])[::_THINNING]
        if sys.byteorder == "big":
            samples.byteswap()
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            block = samples[start : start + _BLOCK_SAMPLES]
            self._follow((sum(map(mul, block, block)) / _BLOCK_SAMPLES) ** 0.5)

    def _follow(self, level: float) -> None:
        if not self._floor:
            self._floor = min(max(level, _QUIETEST), _LOUDEST_AT_START)
        loud = level > self._floor * _OVER_FLOOR
        if level < self._floor:
            self._floor = max(_QUIETEST, self._floor + _FLOOR_FALL * (level - self._floor))
        else:
            self._floor *= _FLOOR_RISE
        if loud:
            self.speech_ms += BLOCK_MS
            self.silence_ms = 0
        else:
            self.silence_ms += BLOCK_MS
        self.spoke = self.spoke or self.speech_ms >= MIN_SPEECH_MS
        if not self.spoke and self.silence_ms >= _FORGET_MS:
            self.speech_ms = 0
