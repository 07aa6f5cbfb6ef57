"""Whole samples out of whatever lengths a client sends."""

from typing import Final

SAMPLE_BYTES: Final = 2


class SampleAligner:
    """Keeps the odd last byte of a frame until the next frame's first completes the sample."""

    def __init__(self) -> None:
        self._odd = b""

    def whole_samples(self, data: bytes) -> bytes:
        """`data` as 16-bit samples, begun with the byte that waited, if one did."""
        if self._odd:
            data = self._odd + data
            self._odd = b""
        if len(data) % SAMPLE_BYTES:
            self._odd, data = data[-1:], data[:-1]
        return data
