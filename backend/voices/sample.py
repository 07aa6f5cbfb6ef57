"""The sample of a voice that is to be cloned: checked before the vendor sees it, and kept no longer than it needs.

Bounds: Model Studio docs "cosyvoice-clone-api".
"""

import io
import secrets
import struct
import time
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.errors import VoiceCallError
from backend.protocol.sound import Mp3Clock

MOST_BYTES: Final = 10 * 1024 * 1024
LEAST_S: Final = 5.0
MOST_S: Final = 60.0
LEAST_RATE_HZ: Final = 16_000
_QUIET_PEAK: Final = 400
_UNREADABLE: Final = (wave.Error, EOFError, ArithmeticError, RuntimeError, ValueError, struct.error)
"""What the library makes of a WAV that is none."""
_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4"}


class SampleError(VoiceCallError):
    """It will not do; `problem` says why as a stable word."""

    def __init__(self, problem: str, words: str) -> None:
        super().__init__(words)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording of somebody's voice."""

    data: bytes
    suffix: str

    @property
    def content_type(self) -> str:
        """For whoever fetches it."""
        return _TYPES[self.suffix]


def checked(data: bytes) -> Sample:
    """The recording, if the vendor would take it. Takes a moment: not for the event loop.

    Raises:
        SampleError: it is of another kind, too long, too short or silent.
    """
    if len(data) > MOST_BYTES:
        raise SampleError("too_large", f"the recording is larger than {MOST_BYTES // 2**20} MiB")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        _check_wav(data)
        return Sample(data, "wav")
    if data[4:8] == b"ftyp":
        return Sample(data, "m4a")
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and Mp3Clock().feed(data[:4096])):
        _check_length(Mp3Clock().feed(data) / 1000)
        return Sample(data, "mp3")
    raise SampleError("format", "the recording is no WAV, MP3 or M4A")


def _check_wav(data: bytes) -> None:
    try:
        with wave.open(io.BytesIO(data)) as wav:
            width, rate_hz = wav.getsampwidth(), wav.getframerate()
            frames = wav.readframes(wav.getnframes())  # what is there; the header may promise more
            _check_length(len(frames) / (width * wav.getnchannels() * rate_hz))
    except _UNREADABLE as exc:
        raise SampleError("format", "the WAV cannot be read: plain 16-bit samples are wanted") from exc
    if width != 2:
        raise SampleError("format", "the WAV has other than 16-bit samples")
    if rate_hz < LEAST_RATE_HZ:
        raise SampleError("rate", f"the recording has {rate_hz} samples a second; {LEAST_RATE_HZ} are needed")
    samples = array("h", frames[: len(frames) // 2 * 2])
    if not samples or (max(samples) < _QUIET_PEAK and min(samples) > -_QUIET_PEAK):
        raise SampleError("silent", "nothing is to be heard in the recording")


def _check_length(length_s: float) -> None:
    if length_s < LEAST_S:
        raise SampleError("too_short", f"the recording lasts {length_s:.1f} s; {LEAST_S:g} are needed, 15 are better")
    if length_s > MOST_S:
        raise SampleError("too_long", f"the recording lasts {length_s:.0f} s; {MOST_S:g} is the most")


class SampleDesk:
    """Samples that wait to be fetched, each under a name that nobody can guess, for a while.

    Args:
        kept_s: after this long one is gone, whatever became of it.
        most: at once.
    """

    def __init__(self, kept_s: float = 900.0, most: int = 4, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept_s = kept_s
        self._most = most
        self._clock = clock
        self._samples: dict[str, tuple[Sample, float]] = {}

    def put(self, sample: Sample) -> str:
        """Keep one; its name.

        Raises:
            SampleError: too many are waiting.
        """
        self.sweep()
        if len(self._samples) >= self._most:
            raise SampleError("busy", "other recordings are being enrolled; please try again in a few minutes")
        name = f"{secrets.token_urlsafe(32)}.{sample.suffix}"
        self._samples[name] = (sample, self._clock() + self._kept_s)
        return name

    def get(self, name: str) -> Sample | None:
        """The one of this name, while it is there."""
        self.sweep()
        kept = self._samples.get(name)
        return None if kept is None else kept[0]

    def drop(self, name: str) -> None:
        """It is needed no longer."""
        self._samples.pop(name, None)

    def sweep(self) -> None:
        """Forget those whose time is over."""
        now = self._clock()
        self._samples = {name: kept for name, kept in self._samples.items() if kept[1] > now}
