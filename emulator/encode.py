"""PCM → what the client asked for, as it comes: MP3, Ogg Opus, PCM or WAV, at any of the vendor's sample rates.

One encoder makes one stream that decodes on its own.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import av
import numpy as np

from emulator.engines.base import Pcm

AudioFormat = Literal["mp3", "ogg_opus", "pcm", "wav"]
FORMATS: Final[tuple[AudioFormat, ...]] = ("mp3", "ogg_opus", "pcm", "wav")
RATES_HZ: Final = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)

_OPUS_RATES_HZ: Final = (8000, 16_000, 24_000, 48_000)
_BIT_RATE: Final = 64_000
_PAGE_US: Final = "20000"
_AVIO_BYTES: Final = 1024
_WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")


@dataclass(frozen=True, slots=True)
class Sound:
    """How the client wants it."""

    audio_format: AudioFormat = "mp3"
    sample_rate_hz: int = 24_000
    bit_rate: int = _BIT_RATE


class Encoder(Protocol):
    """Of one stream."""

    def feed(self, pcm: Pcm) -> bytes:
        """Take some more; gives what is encoded by now, which may be nothing."""

    def flush(self) -> bytes:
        """The end of the stream."""


def encoder(sound: Sound) -> Encoder:
    """A new stream."""
    match sound.audio_format:
        case "mp3":
            return _Mp3(sound)
        case "ogg_opus":
            return _OggOpus(sound)
        case "wav":
            return _Wav(sound)
        case "pcm":
            return _Raw(sound)


class _Resampler:
    """PCM of any rate → frames of one; makes its converter when the first piece says what it comes from."""

    def __init__(self, rate_hz: int) -> None:
        self._converter = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)

    def feed(self, pcm: Pcm) -> list[Any]:
        samples = np.frombuffer(pcm.data, dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = pcm.sample_rate_hz
        return list(self._converter.resample(frame))

    def flush(self) -> list[Any]:
        return list(self._converter.resample(None))


class _Raw:
    def __init__(self, sound: Sound) -> None:
        self._rate_hz = sound.sample_rate_hz
        self._resampler = _Resampler(sound.sample_rate_hz)
        self._resampled = False

    def feed(self, pcm: Pcm) -> bytes:
        if pcm.sample_rate_hz == self._rate_hz:
            return pcm.data
        self._resampled = True
        return _samples(self._resampler.feed(pcm))

    def flush(self) -> bytes:
        return _samples(self._resampler.flush()) if self._resampled else b""


class _Wav(_Raw):
    """Every piece has a header of its own, as the vendor's has."""

    def feed(self, pcm: Pcm) -> bytes:
        return self._with_header(super().feed(pcm))

    def flush(self) -> bytes:
        return self._with_header(super().flush())

    def _with_header(self, data: bytes) -> bytes:
        if not data:
            return b""
        rate, size = self._rate_hz, len(data)
        return _WAV.pack(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", size) + data


class _Mp3:
    def __init__(self, sound: Sound) -> None:
        self._resampler = _Resampler(sound.sample_rate_hz)
        self._codec = av.CodecContext.create("libmp3lame", "w")
        self._codec.sample_rate = sound.sample_rate_hz
        self._codec.layout = "mono"
        self._codec.format = "s16p"
        self._codec.bit_rate = sound.bit_rate

    def feed(self, pcm: Pcm) -> bytes:
        return b"".join(self._encoded(frame) for frame in self._resampler.feed(pcm))

    def flush(self) -> bytes:
        return b"".join(self._encoded(frame) for frame in (*self._resampler.flush(), None))

    def _encoded(self, frame: Any) -> bytes:
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


class _OggOpus:
    """Opus knows four rates; the nearest above stands in for another, and players resample anyway."""

    def __init__(self, sound: Sound) -> None:
        rate_hz = next(rate for rate in _OPUS_RATES_HZ if rate >= sound.sample_rate_hz)
        self._resampler = _Resampler(rate_hz)
        self._out = _Sink()
        options = {"page_duration": _PAGE_US, "flush_packets": "1"}
        self._container = av.open(self._out, "w", format="ogg", options=options, buffer_size=_AVIO_BYTES)
        self._stream = self._container.add_stream("libopus", rate=rate_hz)
        self._stream.layout = "mono"
        self._stream.bit_rate = sound.bit_rate

    def feed(self, pcm: Pcm) -> bytes:
        self._mux(self._resampler.feed(pcm))
        return self._out.take()

    def flush(self) -> bytes:
        self._mux([*self._resampler.flush(), None])
        self._container.close()
        return self._out.take()

    def _mux(self, frames: list[Any]) -> None:
        for frame in frames:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)


class _Sink:
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


def _samples(frames: list[Any]) -> bytes:
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)
