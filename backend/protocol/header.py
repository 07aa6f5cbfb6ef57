"""The four bytes that open every frame, of our own wire and of the speech vendors' alike."""

import gzip
import zlib
from enum import IntEnum
from typing import Final, NamedTuple

from backend.errors import ProtocolError

VERSION: Final = 1
HEADER_BYTES: Final = 4
SIZE_BYTES: Final = 4
_WORD_BYTES: Final = 4
_GZIP: Final = zlib.MAX_WBITS | 16
_ISIZE_BYTES: Final = 4
_LEAST_GZIP_BYTES: Final = 18


class MessageType(IntEnum):
    """High nibble of byte 1."""

    CLIENT_REQUEST = 0x1
    CLIENT_AUDIO = 0x2
    SERVER_RESPONSE = 0x9
    SERVER_AUDIO = 0xB
    FRONT_END = 0xC
    ERROR = 0xF


class Serialization(IntEnum):
    """High nibble of byte 2."""

    NONE = 0x0
    JSON = 0x1


class Compression(IntEnum):
    """Low nibble of byte 2."""

    NONE = 0x0
    GZIP = 0x1


class Header(NamedTuple):
    """The first word of a frame. Nibbles that are not enumerated here stay plain integers.

    A tuple, as one is made for every message: a frozen dataclass takes four times as long.
    """

    message_type: int
    flags: int
    serialization: int
    compression: int

    def encode(self) -> bytes:
        """The four bytes."""
        return bytes(
            (
                VERSION << 4 | HEADER_BYTES // _WORD_BYTES,
                self.message_type << 4 | self.flags,
                self.serialization << 4 | self.compression,
                0,
            )
        )


def decode_header(data: bytes) -> tuple[Header, int]:
    """Read the header and say where the body begins; extra header words are skipped.

    Raises:
        ProtocolError: too short, another version, or a header size that does not fit.
    """
    if len(data) < HEADER_BYTES:
        raise ProtocolError(f"a frame has at least {HEADER_BYTES} bytes, this one {len(data)}")
    version, words = data[0] >> 4, data[0] & 0xF
    if version != VERSION:
        raise ProtocolError(f"protocol version {version} is not {VERSION}")
    start = words * _WORD_BYTES
    if not HEADER_BYTES <= start <= len(data):
        raise ProtocolError(f"header size {words} does not fit a message of {len(data)} bytes")
    return Header(data[1] >> 4, data[1] & 0xF, data[2] >> 4, data[2] & 0xF), start


def inflate(body: bytes, max_bytes: int) -> bytes:
    """Decompress one gzip stream, holding never more than `max_bytes` of what it inflates to.

    What says at its end that it is larger is not begun with.

    Raises:
        ProtocolError: not gzip, cut short, or larger than the bound.
    """
    if not body:
        return b""
    if _announced_bytes(body) > max_bytes:
        raise ProtocolError(f"a gzip body inflates to more than {max_bytes} bytes")
    stream = zlib.decompressobj(_GZIP)
    try:
        out = stream.decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise ProtocolError("a body marked gzip is not a gzip stream") from exc
    if len(out) > max_bytes:
        raise ProtocolError(f"a gzip body inflates to more than {max_bytes} bytes")
    if not stream.eof or stream.unused_data.strip(b"\0"):
        raise ProtocolError("a body marked gzip is not a gzip stream")
    return out


def _announced_bytes(body: bytes) -> int:
    """How much a gzip stream holds by its own account, which its last four bytes are; 0 where it is too short."""
    return int.from_bytes(body[-_ISIZE_BYTES:], "little") if len(body) >= _LEAST_GZIP_BYTES else 0


def deflate(payload: bytes) -> bytes:
    """Compress as the vendors do, with no time stamp, so that equal payloads give equal bytes."""
    return gzip.compress(payload, compresslevel=1, mtime=0)
