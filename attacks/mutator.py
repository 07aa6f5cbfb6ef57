"""Frames that no client would send: made from good ones, by a seed that makes them again."""

import gzip
import json
import random
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_VECTORS: Final = _HERE.parent / "tests" / "vectors" / "frames.json"
_KEPT: Final = _HERE / "seeds.json"
_MOST_BYTES: Final = 8192
_ODD: Final = (0, 1, 3, 4, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_JSON: Final = (
    b"null", b"true", b"[]", b"{}", b"-1", b"1e999", b"NaN", b'"\\ud800"', b'"\\u0000"', b"9" * 400, b"[" * 60, b'{"a":' * 60,
    b'"BotUpdateConfig"', b'"UserText"', b'"BotInterrupt"', b'"PlaybackPosition"', b'"text"', b'"turn"', b'"persona"', b'"events"',
)  # fmt: skip


def seeds() -> list[bytes]:
    """The golden frames, and those that once went wrong or nearly so."""
    golden = [
        bytes.fromhex(vector["hex"].replace(" ", "")) for vector in json.loads(_VECTORS.read_text("utf-8"))["frames"]
    ]
    return golden + [bytes.fromhex(text) for text in json.loads(_KEPT.read_text("utf-8"))]


class Mutator:
    """Makes frames; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seeds = seeds()

    def frame(self) -> bytes:
        """One."""
        data = bytearray(self._random.choice(self._seeds))
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            data = self._random.choice(_CHANGES)(self._random, data)
        if self._random.random() < 0.1:
            data += self._random.choice(self._seeds)
        return bytes(data[:_MOST_BYTES])


def _flip(chance: random.Random, data: bytearray) -> bytearray:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _header(chance: random.Random, data: bytearray) -> bytearray:
    return bytearray(chance.choice((0x11, 0x10, 0x12, 0x1F, chance.randrange(256))).to_bytes(1, "big")) + bytearray(
        (chance.choice((0x10, 0x20, 0x11, 0x90, 0xB0, chance.randrange(256))), chance.choice((0, 1, 0x10, 0x11, 0x21)), 0)
    ) + data[4:]  # fmt: skip


def _size(chance: random.Random, data: bytearray) -> bytearray:
    lie = chance.choice((*_ODD, len(data), max(0, len(data) - 8)))
    return data[:4] + (lie & 0xFFFFFFFF).to_bytes(4, "big") + data[8:]


def _true_size(_chance: random.Random, data: bytearray) -> bytearray:
    return data[:4] + max(0, len(data) - 8).to_bytes(4, "big") + data[8:]


def _cut(chance: random.Random, data: bytearray) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def _insert(chance: random.Random, data: bytearray) -> bytearray:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytearray(chance.randbytes(chance.choice((1, 2, 4, 16, 600)))) + data[at:]


def _json(chance: random.Random, data: bytearray) -> bytearray:
    at = chance.randrange(min(8, len(data)), len(data) + 1)
    return _true_size(chance, data[:at] + bytearray(chance.choice(_JSON)) + data[at + chance.randrange(8) :])


def _zip(chance: random.Random, data: bytearray) -> bytearray:
    packed = gzip.compress(bytes(data[8:]) * chance.choice((1, 1, 1, 300)), 1)
    packed = packed[: len(packed) - chance.choice((0, 0, 0, 1, 8, 12))]
    head = bytearray((0x11, chance.choice((0x10, 0x20)), chance.choice((0x01, 0x11)), 0))
    return head + len(packed).to_bytes(4, "big") + packed


def _wrap(_chance: random.Random, data: bytearray) -> bytearray:
    return bytearray(b"\x11\x20\x10\x00") + len(data).to_bytes(4, "big") + data


_CHANGES: Final = (_flip, _flip, _header, _size, _true_size, _cut, _insert, _json, _json, _zip, _wrap)
