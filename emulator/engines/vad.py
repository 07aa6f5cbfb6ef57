"""Where speech begins and ends: Silero's probability per window, and the endpointing that reads it."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
WINDOW: Final = 512
WINDOW_MS: Final = WINDOW * 1000 // SAMPLE_RATE_HZ
CONTEXT: Final = 64
STATE_SHAPE: Final = (1, 1, 128)

SPEECH: Final = 0.5
STILL_SPEECH: Final = 0.35
ONSET_WINDOWS: Final = 3
SHORTEST_MS: Final = 160
GUESS_AFTER_MS: Final = 256
LONGEST_MS: Final = 27_000

Samples = NDArray[np.float32]


class Silero:
    """The model, shared by all sessions; safe to run on several threads at once."""

    def __init__(self) -> None:
        import onnxruntime  # noqa: PLC0415 - half a second that a scripted emulator need not spend

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(_asset(), options, providers=["CPUExecutionProvider"])

    def __call__(self, windows: Samples, h: Samples, c: Samples) -> tuple[list[float], Samples, Samples]:
        """Probabilities of windows with their contexts (n × 576), and the state after them."""
        probabilities, h, c = self._session.run(None, {"input": windows, "h": h, "c": c})
        return probabilities.ravel().tolist(), h, c


class SpeechMeter:
    """The probability of speech for each 32 ms window of one session's sound."""

    def __init__(self, model: Silero) -> None:
        self._model = model
        self._h: Samples = np.zeros(STATE_SHAPE, np.float32)
        self._c: Samples = np.zeros(STATE_SHAPE, np.float32)
        self._rest: Samples = np.zeros(CONTEXT, np.float32)  # the context, then what is short of a window

    def feed(self, samples: Samples) -> list[float]:
        """Take samples (16 kHz, -1 to 1); gives one probability per window that they complete."""
        sound = np.concatenate([self._rest, samples])
        whole = (len(sound) - CONTEXT) // WINDOW
        self._rest = sound[whole * WINDOW :]
        if not whole:
            return []
        spans = np.lib.stride_tricks.sliding_window_view(sound, CONTEXT + WINDOW)[::WINDOW][:whole]
        probabilities, self._h, self._c = self._model(np.ascontiguousarray(spans), self._h, self._c)
        return probabilities


@dataclass(frozen=True, slots=True)
class Began:
    """Speech has set in."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class Paused:
    """A silence that may become the end: time to transcribe ahead of it."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance is over. `Paused` with the same `end_ms` was about the same sound.

    Attributes:
        spoken: False when it was too short to be speech.
    """

    start_ms: int
    end_ms: int
    spoken: bool


SpeechEvent = Began | Paused | Ended


class Endpointer:
    """Turns probabilities into utterances, by the audio clock alone.

    Args:
        end_window_ms: silence after which an utterance is over.
        not_before_ms: on the audio clock, before which none is over for its silence.
    """

    def __init__(self, end_window_ms: int, not_before_ms: int = 0) -> None:
        self._end_window_ms = end_window_ms
        self._not_before_ms = not_before_ms
        self._guess_after_ms = min(GUESS_AFTER_MS, end_window_ms)
        self.now_ms = 0
        self._onset = 0
        self._start_ms: int | None = None
        self._end_ms = 0
        self._voiced_ms = 0
        self._guessed = False

    @property
    def speaking_since_ms(self) -> int | None:
        """Where the utterance under way began."""
        return self._start_ms

    def window(self, probability: float) -> SpeechEvent | None:
        """One more window of 32 ms."""
        self.now_ms += WINDOW_MS
        if self._start_ms is None:
            return self._wait(probability)
        if probability >= STILL_SPEECH:
            self._end_ms, self._guessed = self.now_ms, False
            self._voiced_ms += WINDOW_MS
        silence_ms = self.now_ms - self._end_ms
        enough = silence_ms >= self._end_window_ms and self.now_ms >= self._not_before_ms
        if enough or self.now_ms - self._start_ms >= LONGEST_MS:
            return self.end()
        if silence_ms >= self._guess_after_ms and not self._guessed and self._voiced_ms >= SHORTEST_MS:
            self._guessed = True
            return Paused(self._start_ms, self._end_ms)
        return None

    def end(self) -> Ended | None:
        """End what is under way, if anything is."""
        if self._start_ms is None:
            return None
        ended = Ended(self._start_ms, self._end_ms, self._voiced_ms >= SHORTEST_MS)
        self._start_ms, self._onset = None, 0
        return ended

    def _wait(self, probability: float) -> Began | None:
        self._onset = self._onset + 1 if probability >= SPEECH else 0
        if self._onset < ONSET_WINDOWS:
            return None
        self._voiced_ms = self._onset * WINDOW_MS
        self._start_ms, self._end_ms, self._guessed = self.now_ms - self._voiced_ms, self.now_ms, False
        return Began(self._start_ms)


class Resampler:
    """Any rate to 16 kHz, by linear interpolation, without a seam between pieces."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._step = sample_rate_hz / SAMPLE_RATE_HZ
        self._position = 0.0  # of the next output sample, counted from the first kept input sample
        self._kept: Samples = np.zeros(0, np.float32)

    def __call__(self, samples: Samples) -> Samples:
        """As many samples at 16 kHz as the input so far allows."""
        if self._step == 1.0:
            return samples
        sound = np.concatenate([self._kept, samples])
        count = max(0, int(np.ceil((len(sound) - 1 - self._position) / self._step)))
        at = self._position + self._step * np.arange(count)
        out = np.interp(at, np.arange(len(sound)), sound).astype(np.float32) if count else np.zeros(0, np.float32)
        after = self._position + self._step * count
        used = min(int(after), len(sound))
        self._kept, self._position = sound[used:], after - used
        return out


def _asset() -> str:
    spec: Any = importlib.util.find_spec("faster_whisper")
    return str(Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx")
