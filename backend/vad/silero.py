"""Silero's model: the probability of speech in windows of many calls, in one run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from backend.ports import SAMPLE_RATE_HZ
from backend.vad.windows import CONTEXT_SAMPLES, WINDOW_SAMPLES

Memory = NDArray[np.float32]
"""What the model remembers of one call: 1 KB."""

_MEMORY_SHAPE: Final = (2, 128)
_FULL_SCALE: Final = 32768.0
_FATAL: Final = 4


class Silero:
    """The model, loaded. Takes half a second of importing, hence made where it blocks nobody.

    Args:
        weights: `silero_vad_16k_op15.onnx`, the variant that takes windows of several calls at once.
    """

    def __init__(self, weights: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = _FATAL
        self._session: Any = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self._rate = np.array(SAMPLE_RATE_HZ, np.int64)

    def score(self, sounds: Sequence[bytes], memories: Sequence[Memory | None]) -> tuple[list[float], list[Memory]]:
        """The probability of speech in each window, and what to remember of its call.

        Args:
            sounds: one window per call, after its context: signed 16-bit little-endian.
            memories: from the call's window before; None where its sound begins.
        """
        samples = np.frombuffer(b"".join(sounds), "<i2").reshape(-1, CONTEXT_SAMPLES + WINDOW_SAMPLES)
        state = np.zeros((len(sounds), *_MEMORY_SHAPE), np.float32)
        for row, memory in enumerate(memories):
            if memory is not None:
                state[row] = memory
        feeds = {
            "input": samples.astype(np.float32) / np.float32(_FULL_SCALE),
            "state": np.ascontiguousarray(state.swapaxes(0, 1)),
            "sr": self._rate,
        }
        probabilities, state = self._session.run(None, feeds)
        return probabilities.ravel().tolist(), [state[:, row].copy() for row in range(len(sounds))]
