"""Synthesis with Kokoro: one piece of a sentence in, PCM at 24 kHz out. Runs in a worker."""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import onnxruntime
from kokoro_onnx import Kokoro
from kokoro_onnx.config import DEFAULT_VOCAB

from emulator.engines.level import levelled, pcm_with_pause
from emulator.engines.phonemes import Phonemes

SAMPLE_RATE_HZ: Final = 24_000
CLAUSE_PAUSE_S: Final = 0.09
SENTENCE_PAUSE_S: Final = 0.22
SLOWEST: Final = 0.5
FASTEST: Final = 2.0


class KokoroVoice:
    """The model and its voices.

    Args:
        folder: holds the graph and the voices.
        voices: each of ours as a mixture of the model's: `{"name": {"model's name": share}}`.
    """

    def __init__(self, folder: str, threads: int, voices: Mapping[str, Mapping[str, float]]) -> None:
        loading = threading.Thread(target=self._load, args=(Path(folder), threads))
        loading.start()
        self._phonemes = Phonemes(self._english, folder)  # reads its word list meanwhile
        self._phonemes("你好")
        loading.join()
        styles = self._model.voices
        self._voices = {
            name: sum(styles[of] * share for of, share in mixture.items()) for name, mixture in voices.items()
        }
        self._english("Hi")
        self.say(b"", "好。", next(iter(voices)), 1.0, 1.0)  # the first run costs more than the later ones

    def say(self, blob: bytes, text: str, voice: str, rate: float, volume: float) -> tuple[None, bytes]:
        """PCM of one piece. Nothing, when there is nothing to read out."""
        phonemes = self._phonemes(text)
        if not any(mark in DEFAULT_VOCAB and mark.isalpha() for mark in phonemes):
            return None, b""
        speed = min(FASTEST, max(SLOWEST, rate))
        sound, _ = self._model.create(phonemes, self._voices[voice], speed=speed, is_phonemes=True)
        return None, pcm_with_pause(levelled(sound, volume), _pause_s(text) / speed, SAMPLE_RATE_HZ)

    def _load(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other processes want the cores too
        graph = str(folder / "kokoro-v1.0.int8.onnx")
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._model = Kokoro.from_session(session, str(folder / "voices_ja.npz"))

    def _english(self, text: str) -> str:
        return str(self._model.tokenizer.phonemize(text, "en-us"))


def _pause_s(text: str) -> float:
    mark = re.sub(r"[”’\"'）)\s]+$", "", text)[-1:]
    return SENTENCE_PAUSE_S if mark in "。！？.!?…" else CLAUSE_PAUSE_S
