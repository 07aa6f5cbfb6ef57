"""What the callers say: a recorded sentence, cut so that its last sound is the last of a frame of either size."""

import wave
from array import array
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

RECORDING: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "zh_travel.wav"
WHOLE_MS: Final = 100
"""The length is a multiple of it, and so of every frame size."""
PARTIAL_EVERY_MS: Final = 200
"""Of speech, between the emulator's hypotheses; the last of them comes with the last sound."""

_WINDOW_MS: Final = 10
_BYTES_PER_MS: Final = 32
_LOUD: Final = 500  # the emulator's own mark for speech


@dataclass(frozen=True, slots=True)
class Speech:
    """The sentence: 16-bit little-endian, mono, 16 kHz.

    Attributes:
        loud_ms: how much of it the emulator takes for speech, a multiple of `PARTIAL_EVERY_MS`.
    """

    pcm: bytes
    loud_ms: int

    @property
    def ms(self) -> int:
        """Its length."""
        return len(self.pcm) // _BYTES_PER_MS

    @property
    def partials(self) -> int:
        """How many hypotheses the emulator tells while it is spoken."""
        return self.loud_ms // PARTIAL_EVERY_MS

    def frames(self, frame_ms: int) -> list[bytes]:
        """In pieces of one frame."""
        step = frame_ms * _BYTES_PER_MS
        return [self.pcm[at : at + step] for at in range(0, len(self.pcm), step)]


@lru_cache(maxsize=1)
def speech() -> Speech:
    """The recording's sentence."""
    with wave.open(str(RECORDING)) as recording:
        return cut(recording.readframes(recording.getnframes()))


def cut(pcm: bytes) -> Speech:
    """From the first sound that leaves a whole number of hypotheses to the last; silence before it fills it up."""
    step = _WINDOW_MS * _BYTES_PER_MS
    windows = [pcm[at : at + step] for at in range(0, len(pcm) - step + 1, step)]
    loud = [place for place, window in enumerate(windows) if _is_loud(window)]
    kept = len(loud) * _WINDOW_MS // PARTIAL_EVERY_MS * PARTIAL_EVERY_MS // _WINDOW_MS
    sound = b"".join(windows[loud[-kept] : loud[-1] + 1])
    whole = WHOLE_MS * _BYTES_PER_MS
    return Speech(bytes(-len(sound) % whole) + sound, kept * _WINDOW_MS)


def _is_loud(window: bytes) -> bool:
    samples = array("h", window)
    return max(samples) >= _LOUD or min(samples) <= -_LOUD
