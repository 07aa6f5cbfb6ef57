"""Enough of MPEG audio to tell whether some bytes are a whole MP3 file, and at which rate.

Source: ISO/IEC 11172-3 and 13818-3, the header of a frame and the first field of its side information.
"""

from dataclasses import dataclass
from typing import Final

_RATES_HZ: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBPS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


class NotMp3(ValueError):  # noqa: N818
    """These bytes are no whole MP3 file; the message says where it ends."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file holds.

    Attributes:
        borrows: the first frame needs bits of one before it, so that the file cannot stand alone.
    """

    frames: int
    rate_hz: int
    borrows: bool


def read(data: bytes) -> Sound:
    """Walk from frame to frame to the last byte; tags before and after the sound are skipped.

    Raises:
        NotMp3: there is something else, or the last frame is cut off.
    """
    at, end, frames, rate_hz, borrows = _tag_bytes(data), len(data), 0, 0, False
    if data[-128:-125] == b"TAG":
        end -= 128
    while at < end:
        length, rate_hz, begins = _frame(data, at)
        if at + length > end:
            raise NotMp3(f"the MPEG frame at byte {at} is cut off")
        borrows = borrows or (frames == 0 and begins > 0)
        at, frames = at + length, frames + 1
    if not frames:
        raise NotMp3("there is no MPEG frame")
    return Sound(frames, rate_hz, borrows)


def silence(frames: int = 10) -> bytes:
    """An MP3 file of silence: 24 kHz, mono, 24 ms a frame."""
    return (b"\xff\xf3\x44\xc0" + bytes(92)) * frames


def _tag_bytes(data: bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])


def _frame(data: bytes, at: int) -> tuple[int, int, int]:
    """Length in bytes, rate, and how far back its sound begins."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        raise NotMp3(f"no MPEG layer 3 frame at byte {at}")
    version, rate, kbps = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate == 3 or kbps in (0, 15):
        raise NotMp3(f"a wrong MPEG header at byte {at}")
    rate_hz = _RATES_HZ[version][rate]
    slots = 144 if version == 3 else 72
    length = slots * 1000 * (_KBPS_1 if version == 3 else _KBPS_2)[kbps] // rate_hz + (head[2] >> 1 & 1)
    side = at + (4 if head[1] & 1 else 6)
    begins = (
        int.from_bytes(data[side : side + 2], "big") >> 7 if version == 3 else data[side] if side < len(data) else 0
    )
    return length, rate_hz, begins
