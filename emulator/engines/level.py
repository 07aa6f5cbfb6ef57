"""The loudness that every voice here shares."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LOUDNESS: Final = 10 ** (-20 / 20)
"""-20 dBFS RMS."""
CEILING: Final = 0.95
INAUDIBLE: Final = 1e-5

Sound = NDArray[np.float32]


def levelled(sound: Sound, volume: float) -> Sound:
    """At the shared loudness times `volume`, and never clipped."""
    rms = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    if rms < INAUDIBLE:
        return sound
    return sound * min(volume * LOUDNESS / rms, CEILING / float(np.abs(sound).max()))


def pcm_with_pause(sound: Sound, pause_s: float, sample_rate_hz: int) -> bytes:
    """Signed 16-bit little-endian, with silence after it."""
    silence = np.zeros(int(pause_s * sample_rate_hz), np.float32)
    return (np.concatenate([sound, silence]) * 32767).astype("<i2").tobytes()
