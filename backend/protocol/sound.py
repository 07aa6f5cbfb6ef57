"""How long a piece of encoded audio sounds: raw samples, MP3 frames, Ogg Opus pages. Pure.

Source: ISO/IEC 11172-3 and 13818-3 (frame header of MPEG audio layer III); RFC 3533 (Ogg); RFC 7845 (Opus in Ogg).
"""

import struct
from typing import Final, Literal, Protocol

_OPUS_RATE_HZ: Final = 48_000  # granule positions of Opus count at this rate, whatever the stream's own
_OGG_HEADER: Final = 27
_MP3_HEADER: Final = 4
_KBIT_S: Final = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class SoundClock(Protocol):
    """Measures a stream that comes in pieces of any length."""

    def feed(self, data: bytes) -> float:
        """Milliseconds of sound that this piece completes."""


class PcmClock:
    """Of signed 16-bit mono samples."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._bytes_per_ms = sample_rate_hz * 2 / 1000

    def feed(self, data: bytes) -> float:
        """See `SoundClock`."""
        return len(data) / self._bytes_per_ms


class Mp3Clock:
    """Of MPEG audio layer III; what is no frame (tags, damage) lasts no time."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> float:
        """See `SoundClock`. A frame counts when all of it has come."""
        data = self._rest + data
        at, total_ms = 0, 0.0
        while (at := data.find(b"\xff", at)) >= 0 and at + _MP3_HEADER <= len(data):
            frame = mp3_frame(data, at)
            if frame is None:
                at += 1
                continue
            size, frame_ms = frame
            if at + size > len(data):
                break
            total_ms += frame_ms
            at += size
        self._rest = data[at:] if at >= 0 else b""
        return total_ms


class OggOpusClock:
    """Of Opus in Ogg; several streams may follow one another."""

    def __init__(self) -> None:
        self._rest = b""
        self._granule = 0

    def feed(self, data: bytes) -> float:
        """See `SoundClock`. A page counts when it is whole."""
        data = self._rest + data
        at, total_ms = 0, 0.0
        while (at := data.find(b"OggS", at)) >= 0 and (size := _ogg_page_bytes(data, at)):
            total_ms += self._page_ms(data[at + 5], struct.unpack_from("<q", data, at + 6)[0])
            at += size
        self._rest = data[at:] if at >= 0 else data[-3:]
        return total_ms

    def _page_ms(self, kind: int, granule: int) -> float:
        if kind & 0x02:  # a stream begins
            self._granule = 0
        if granule <= self._granule:  # also -1: no packet ends on this page
            return 0.0
        samples, self._granule = granule - self._granule, granule
        return samples * 1000 / _OPUS_RATE_HZ


def sound_clock(audio_format: Literal["mp3", "pcm", "opus"], sample_rate_hz: int) -> SoundClock:
    """The clock for what a call sends."""
    match audio_format:
        case "pcm":
            return PcmClock(sample_rate_hz)
        case "mp3":
            return Mp3Clock()
        case "opus":
            return OggOpusClock()


def mp3_frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Size in bytes and length in ms of the frame whose header stands here; None where none does."""
    _, second, third, _ = data[at : at + _MP3_HEADER]
    version, layer = second >> 3 & 3, second >> 1 & 3
    bitrate, rate = third >> 4, third >> 2 & 3
    if second & 0xE0 != 0xE0 or version == 1 or layer != 1 or bitrate in {0, 15} or rate == 3:
        return None
    rate_hz = _MP3_RATES_HZ[version][rate]
    samples = 1152 if version == 3 else 576
    kbit_s = _KBIT_S[1 if version == 3 else 2][bitrate]
    return samples // 8 * kbit_s * 1000 // rate_hz + (third >> 1 & 1), samples * 1000 / rate_hz


def _ogg_page_bytes(data: bytes, at: int) -> int:
    """The length of the page that begins here; 0 while it is not whole."""
    if at + _OGG_HEADER > len(data):
        return 0
    table = data[at + _OGG_HEADER : at + _OGG_HEADER + data[at + 26]]
    size = _OGG_HEADER + data[at + 26] + sum(table)
    return size if at + size <= len(data) else 0
