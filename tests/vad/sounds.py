"""Sound for the tests of voice activity."""

import math
import random
import wave
from array import array
from pathlib import Path

from backend.ports import SAMPLE_RATE_HZ

DATA = Path(__file__).parents[1] / "data"


def silence(ms: int) -> bytes:
    return bytes(2 * ms * SAMPLE_RATE_HZ // 1000)


def noise(ms: int, level: float, seed: int = 7) -> bytes:
    """White, with this root mean square."""
    dice = random.Random(seed)
    samples = (dice.gauss(0, level) for _ in range(ms * SAMPLE_RATE_HZ // 1000))
    return array("h", (max(-32768, min(32767, round(sample))) for sample in samples)).tobytes()


def tone(ms: int, peak: int = 6000, hz: int = 220) -> bytes:
    count = ms * SAMPLE_RATE_HZ // 1000
    return array("h", (round(peak * math.sin(2 * math.pi * hz * at / SAMPLE_RATE_HZ)) for at in range(count))).tobytes()


def recording(name: str) -> bytes:
    with wave.open(str(DATA / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE_HZ, 1, 2)
        return bytes(file.readframes(file.getnframes()))


def mixed(speech: bytes, other: bytes) -> bytes:
    pairs = zip(array("h", speech), array("h", other), strict=True)
    return array("h", (max(-32768, min(32767, a + b)) for a, b in pairs)).tobytes()
