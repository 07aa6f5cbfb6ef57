"""Cuts a stream of encoded sound where it may be cut: between samples, or between MP3 frames. Pure.

A service that sends one stream for several sentences cuts it anywhere.
"""

from typing import Final, Protocol

from backend.ports import SAMPLE_BYTES, AudioFormat
from backend.protocol.sound import mp3_frame

_HEADER_BYTES: Final = 4


class WholePieces(Protocol):
    """Cuts one stream."""

    def feed(self, data: bytes) -> bytes:
        """Take some more; gives what is whole by now."""

    def flush(self) -> bytes:
        """What is left at the end of the stream."""


def whole_pieces(audio_format: AudioFormat) -> WholePieces:
    """Cuts this format. Opus cannot be cut: only the beginning of its stream tells how to decode it."""
    match audio_format:
        case "pcm":
            return WholeSamples()
        case "mp3":
            return WholeFrames()
        case "opus":
            raise ValueError("an Ogg stream is one piece")


class WholeSamples:
    """PCM, signed 16-bit, mono."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """See `WholePieces`."""
        data = self._rest + data
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._rest = data[whole:]
        return data[:whole]

    def flush(self) -> bytes:
        """See `WholePieces`; half a sample is no sound."""
        return b""


class WholeFrames:
    """MP3. What is no frame, such as a tag, goes with the frame after it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """See `WholePieces`."""
        data = self._rest + data
        end = at = 0
        while (at := data.find(b"\xff", at)) >= 0 and at + _HEADER_BYTES <= len(data):
            frame = mp3_frame(data, at)
            if frame is None:
                at += 1
                continue
            if at + frame[0] > len(data):
                break
            end = at = at + frame[0]
        self._rest = data[end:]
        return data[:end]

    def flush(self) -> bytes:
        """See `WholePieces`."""
        rest, self._rest = self._rest, b""
        return rest
