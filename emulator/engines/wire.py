"""The frames between the emulator and its workers: two sizes, a JSON head, and raw bytes (sound)."""

import json
import struct
from typing import Any, Final

SIZES: Final = struct.Struct("!II")


def pack(head: Any, blob: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), len(blob)) + text + blob


def unpack(body: bytes, head_bytes: int) -> tuple[Any, bytes]:
    """What follows the sizes, taken apart."""
    return json.loads(body[:head_bytes]), body[head_bytes:]
