"""What a client sends as audio → PCM, signed 16-bit little-endian, mono, 16 kHz, as it comes in."""

import struct
from typing import Any, Final, Protocol

import av
import numpy as np

from emulator.asr_request import BAD_FORMAT
from emulator.encode import Sound, encoder
from emulator.engines.base import Pcm
from emulator.link import VendorError

RATE_HZ: Final = 16_000
BYTES_PER_MS: Final = 32

_WAV_HEADER_BYTES: Final = 12
_CHUNK_HEADER = struct.Struct("<4sI")
_FMT = struct.Struct("<HHIIHH")
_WAV_RATES_HZ: Final = (8000, 48_000)
_PCM_TAGS: Final = (0x0001, 0xFFFE)
_OGG_HEADER_BYTES: Final = 27


class Decoder(Protocol):
    """Of one recognition."""

    def feed(self, data: bytes) -> bytes:
        """Take some more; gives the PCM that is whole by now.

        Raises:
            VendorError: it is not what the client has announced.
        """


def decoder(audio_format: str, channels: int, *, any_rate: bool = False) -> Decoder:
    """For a format of `asr_request.FORMATS`.

    Args:
        any_rate: a WAV file may have another rate than ours.
    """
    match audio_format:
        case "pcm":
            return _Pcm(channels)
        case "wav":
            return _Wav(any_rate=any_rate)
        case "mp3":
            return _Mp3()
        case _:
            return _OggOpus()


class _Pcm:
    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % (2 * self._channels)
        self._rest = data[whole:]
        pcm = data[:whole]
        return pcm if self._channels == 1 else _mixed(pcm, self._channels)


class _Wav:
    """Reads the header, which may come in pieces, and passes on what is in the data chunk."""

    def __init__(self, *, any_rate: bool) -> None:
        self._rates_hz = _WAV_RATES_HZ if any_rate else (RATE_HZ, RATE_HZ)
        self._head = b""
        self._rate_hz = RATE_HZ
        self._samples: _Pcm | None = None
        self._resampler = encoder(Sound("pcm", RATE_HZ))

    def feed(self, data: bytes) -> bytes:
        if self._samples is not None:
            return self._at_our_rate(self._samples.feed(data))
        self._head += data
        if not b"RIFF".startswith(self._head[:4]):
            raise _not("wav")
        return self._find_samples()

    def _find_samples(self) -> bytes:
        at, channels = _WAV_HEADER_BYTES, 0
        while len(self._head) >= at + _CHUNK_HEADER.size:
            name, size = _CHUNK_HEADER.unpack_from(self._head, at)
            at += _CHUNK_HEADER.size
            if name == b"data":
                if not channels:
                    raise _not("wav")
                self._samples = _Pcm(channels)
                return self._at_our_rate(self._samples.feed(self._head[at:]))
            if name == b"fmt " and len(self._head) >= at + _FMT.size:
                channels = self._channels(at)
            at += size + size % 2
        return b""

    def _channels(self, at: int) -> int:
        tag, channels, rate_hz, _, _, bits = _FMT.unpack_from(self._head, at)
        least_hz, most_hz = self._rates_hz
        if tag not in _PCM_TAGS or not least_hz <= rate_hz <= most_hz or bits != 16 or channels not in (1, 2):
            raise _not("wav")
        self._rate_hz = rate_hz
        return int(channels)

    def _at_our_rate(self, pcm: bytes) -> bytes:
        return self._resampler.feed(Pcm(pcm, self._rate_hz)) if pcm else b""


class _Compressed:
    """Packets of a codec → PCM."""

    def __init__(self, codec: str, audio_format: str) -> None:
        self._codec = av.CodecContext.create(codec, "r")
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        self._format = audio_format

    def _decode(self, packets: list[Any]) -> bytes:
        try:
            frames = [frame for packet in packets for frame in self._codec.decode(packet)]
            pieces = [piece for frame in frames for piece in self._resampler.resample(frame)]
        except av.FFmpegError as exc:
            raise _not(self._format) from exc
        return b"".join(piece.to_ndarray().tobytes() for piece in pieces)


class _Mp3(_Compressed):
    def __init__(self) -> None:
        super().__init__("mp3float", "mp3")

    def feed(self, data: bytes) -> bytes:
        packets = self._codec.parse(data) if data else []
        return self._decode([packet for packet in packets if not bytes(packet).startswith(b"ID3")])


class _OggOpus(_Compressed):
    """Takes the pages apart itself: a demuxer would block on the bytes that have not come yet."""

    def __init__(self) -> None:
        super().__init__("libopus", "ogg")
        self._rest = b""
        self._open_packet = b""

    def feed(self, data: bytes) -> bytes:
        self._rest += data
        packets: list[bytes] = []
        while page := self._page():
            packets += self._packets(page)
        sound = [packet for packet in packets if not packet.startswith((b"OpusHead", b"OpusTags"))]
        return self._decode([av.Packet(packet) for packet in sound])

    def _page(self) -> bytes:
        if not b"OggS".startswith(self._rest[:4]):
            raise _not("ogg")
        if len(self._rest) < _OGG_HEADER_BYTES:
            return b""
        segments = self._rest[26]
        table = self._rest[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + segments]
        size = _OGG_HEADER_BYTES + segments + sum(table)
        if len(table) < segments or len(self._rest) < size:
            return b""
        page, self._rest = self._rest[:size], self._rest[size:]
        return page

    def _packets(self, page: bytes) -> list[bytes]:
        segments = page[26]
        at = _OGG_HEADER_BYTES + segments
        packets: list[bytes] = []
        for size in page[_OGG_HEADER_BYTES:at]:
            self._open_packet += page[at : at + size]
            at += size
            if size < 255:
                packets.append(self._open_packet)
                self._open_packet = b""
        return packets


def _mixed(pcm: bytes, channels: int) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
    mixed: bytes = samples.mean(axis=1).astype("<i2").tobytes()
    return mixed


def _not(audio_format: str) -> VendorError:
    return VendorError(BAD_FORMAT, f"Invalid audio format: not {audio_format}")
