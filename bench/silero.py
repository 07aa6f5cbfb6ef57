"""What the server's own voice activity detection says of the turns that have sound: the real gate, model and edges."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backend.errors import ConfigError
from backend.settings import load
from backend.vad import weights
from backend.vad.edges import Edges
from backend.vad.gate import EnergyGate
from backend.vad.silero import Silero
from backend.vad.windows import WINDOW_MS, Cutter
from bench.turns import Turn
from bench.witnesses import Edge, News

RATE_HZ: Final = 16_000
NOISE_DBFS: Final = -55.0
"""A quiet room: digital silence would be too easy."""
AFTER_MS: Final = 2500
GATHER_MS: Final = 16
"""How long a window waits for those of other calls."""

Samples = NDArray[np.int16]


def detector() -> Callable[[Turn], list[News]]:
    """What tells of a turn with sound where it hears speech begin and end.

    Raises:
        ConfigError: the model is not on this machine; the message says how to get it.
    """
    try:
        import av  # noqa: F401, PLC0415 - decodes the recordings; part of the on-device extra
    except ImportError as exc:
        raise ConfigError("the recordings need the on-device extra") from exc
    model = Silero(weights.find(load()))
    return lambda turn: list(_edges(model, _with_noise(_decoded(turn.sound), turn.id)))


def _edges(model: Silero, sound: Samples) -> Iterator[News]:
    cutter, gate, edges = Cutter(), EnergyGate(), Edges()
    memory: Any = None
    for number, window in enumerate(cutter.cut(sound.tobytes()), 1):
        for due in gate.take(window, speaking=edges.speaking):
            [probability], [memory] = model.score([due.sound], [memory])
            if change := edges.judge(due, probability):
                yield News(number * WINDOW_MS + GATHER_MS, Edge(change.speaking, change.at_ms))


def _decoded(path: Path | None) -> Samples:
    import av  # noqa: PLC0415

    with av.open(str(path)) as file:
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        frames = [frame for packet in file.decode(audio=0) for frame in resampler.resample(packet)]
        return np.concatenate([frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))])


def _with_noise(sound: Samples, seed: str) -> Samples:
    chance = np.random.default_rng(random.Random(seed).getrandbits(64))
    padded = np.concatenate([sound, np.zeros(RATE_HZ * AFTER_MS // 1000, np.int16)])
    noise = chance.normal(0, 32768 * 10 ** (NOISE_DBFS / 20), len(padded))
    return np.clip(padded + noise, -32768, 32767).astype("<i2")
