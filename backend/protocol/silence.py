"""A quarter of a second without a sound, whole and by itself, in each format that a call can have. Pure.

Source: ISO/IEC 11172-3 and 13818-3 (MPEG audio layer III: a frame whose side information is zero is silent); RFC 3533
(Ogg pages); RFC 7845 (Opus in Ogg); RFC 6716, section 3.1 (the first byte of an Opus packet).
"""

import struct
from typing import Final, Literal

from backend.protocol.pcm import SAMPLE_BYTES
from backend.protocol.sound import mp3_frame

SILENCE_MS: Final = 240
_MP3_VERSIONS: Final = {48_000: (3, 1), 24_000: (2, 1), 16_000: (2, 2), 8_000: (0, 2)}
_OPUS_PACKET: Final = b"\xf8\xff\xfe"  # 20 ms, mono
_OPUS_PACKET_SAMPLES: Final = 960
_OPUS_PRE_SKIP: Final = 312
_SERIAL: Final = 1
_BEGINS, _ENDS = 2, 4


def silence(audio_format: Literal["mp3", "pcm", "opus"], sample_rate_hz: int) -> bytes:
    """As the client asked for its sound."""
    match audio_format:
        case "pcm":
            return bytes(sample_rate_hz * SILENCE_MS // 1000 * SAMPLE_BYTES)
        case "mp3":
            return _mp3(sample_rate_hz)
        case "opus":
            return _ogg_opus(sample_rate_hz)


def _mp3(sample_rate_hz: int) -> bytes:
    version, rate = _MP3_VERSIONS[sample_rate_hz]
    header = bytes((0xFF, 0xE3 | version << 3, 0x10 | rate << 2, 0xC0))  # the lowest bit rate, mono, no checksum
    size, frame_ms = mp3_frame(header, 0) or (0, 1.0)
    return (header + bytes(size - len(header))) * round(SILENCE_MS / frame_ms)


def _ogg_opus(sample_rate_hz: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _OPUS_PRE_SKIP, sample_rate_hz, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    packets = SILENCE_MS // 20
    granule = packets * _OPUS_PACKET_SAMPLES
    pages = ((_BEGINS, 0, [head]), (0, 0, [tags]), (_ENDS, granule, [_OPUS_PACKET] * packets))
    return b"".join(_page(kind, at, number, parts) for number, (kind, at, parts) in enumerate(pages))


def _page(kind: int, granule: int, number: int, packets: list[bytes]) -> bytes:
    """Of packets that are each shorter than 255 bytes."""
    lengths = bytes(map(len, packets))
    before = struct.pack("<4sBBqII", b"OggS", 0, kind, granule, _SERIAL, number)
    after = bytes([len(lengths)]) + lengths + b"".join(packets)
    return before + struct.pack("<I", _ogg_sum(before + bytes(4) + after)) + after


def _ogg_sum(data: bytes) -> int:
    """Ogg's checksum: CRC-32 with its bits in their own order, nothing added before or after."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value
