"""Tells speech from silence by loudness alone, on the audio clock. Pure.

It decides no turn where the service can: only Doubao's `bigmodel_nostream`, which says nothing before the last packet,
and the watch over a service that stays silent although someone spoke, depend on it.
"""

from typing import Final

from backend.loudness import NoiseFloor, levels
from backend.ports import BYTES_PER_MS, SAMPLE_BYTES

BLOCK_MS: Final = 20
MIN_SPEECH_MS: Final = 120
"""Less sound than this is a click or a cough."""

_FORGET_MS: Final = 300  # so much silence makes a short sound forgotten
_BLOCK_BYTES: Final = BLOCK_MS * BYTES_PER_MS
_OVER_FLOOR: Final = 3.2  # 10 dB


class SpeechGate:
    """Follows one session's audio.

    Attributes:
        silence_ms: since the last loud block; counts only once someone spoke.
        spoke: enough was loud since the last `reset`.
    """

    def __init__(self) -> None:
        self._floor = NoiseFloor(BLOCK_MS, _OVER_FLOOR)
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
        for level in levels(data[:whole], _BLOCK_BYTES // SAMPLE_BYTES):
            self._follow(loud=self._floor.is_loud(level))

    def _follow(self, *, loud: bool) -> None:
        if loud:
            self.speech_ms += BLOCK_MS
            self.silence_ms = 0
        else:
            self.silence_ms += BLOCK_MS
        self.spoke = self.spoke or self.speech_ms >= MIN_SPEECH_MS
        if not self.spoke and self.silence_ms >= _FORGET_MS:
            self.speech_ms = 0
