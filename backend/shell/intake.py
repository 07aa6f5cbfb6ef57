"""What a client sends, taken apart: bytes become events for the call, or sound. Pure; it is told the time."""

from dataclasses import dataclass

from backend.call.moves import Fault, Malformed, Told
from backend.errors import EventError, ProtocolError
from backend.ports import BYTES_PER_MS
from backend.protocol import frames
from backend.protocol.events import parse_event
from backend.protocol.frames import AudioFrame
from backend.protocol.pcm import SampleAligner


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of what comes up.

    Attributes:
        max_inflated_bytes: of a gzip body.
        ahead_ms: how far the client's sound may run ahead of real time.
    """

    max_inflated_bytes: int
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Pcm:
    """Sound: signed 16-bit little-endian, mono, 16 kHz, whole samples."""

    data: bytes


class TypingPace:
    """How long a typed utterance waits: some may come at once, then only as fast as people type. Pure, too.

    Each begins a turn, and cuts the one before it off: hundreds in a second would be requests to every service.
    """

    def __init__(self, per_s: float = 1.0, at_once: int = 10) -> None:
        self._each_s = 1 / per_s
        self._ahead_s = (at_once - 1) * self._each_s
        self._due = float("-inf")

    def wait_s(self, now: float) -> float:
        """For the one that has come now."""
        due = max(self._due, now)
        self._due = due + self._each_s
        return max(0.0, due - now - self._ahead_s)


Taken = Told | Malformed | Pcm


class Intake:
    """Takes apart the messages of one call, in the order in which they come.

    Args:
        now: when it begins, in seconds on the call's clock.
    """

    def __init__(self, limits: IntakeLimits, now: float) -> None:
        self._limits = limits
        self._aligner = SampleAligner()
        self._level_ms = 0.0
        self._at = now
        self._bad_in_a_row = 0

    def take(self, message: bytes | str, now: float) -> Taken:
        """One message. One that is no frame, or no event, is `Malformed`."""
        try:
            taken = self._parse(message, now)
        except ProtocolError as exc:
            # a whole frame with a wrong event in it is no bad frame
            self._bad_in_a_row = 0 if isinstance(exc, EventError) else self._bad_in_a_row + 1
            return Malformed(Fault(exc.code, str(exc)), self._bad_in_a_row)
        self._bad_in_a_row = 0
        return taken

    def begin_anew(self) -> None:
        """What comes next comes over another connection: half a sample of the one before it is no part of that."""
        self._aligner = SampleAligner()
        self._bad_in_a_row = 0

    def follow(self, pcm_bytes: int | None, bad_in_a_row: int, now: float) -> bool:
        """Be as if a message had been taken of which only this is known; False if its sound had come too early."""
        self._bad_in_a_row = bad_in_a_row
        return pcm_bytes is None or self._is_in_time(pcm_bytes / BYTES_PER_MS, now)

    def _parse(self, message: bytes | str, now: float) -> Told | Pcm:
        if isinstance(message, str):
            raise ProtocolError("this protocol has binary messages only")
        frame = frames.decode(message, self._limits.max_inflated_bytes)
        if not isinstance(frame, AudioFrame):
            return Told(parse_event(frame))
        pcm = self._aligner.whole_samples(frame.data)
        if not self._is_in_time(len(pcm) / BYTES_PER_MS, now):
            raise ProtocolError(f"audio is more than {self._limits.ahead_ms} ms ahead of real time")
        return Pcm(pcm)

    def _is_in_time(self, audio_ms: float, now: float) -> bool:
        """Whether so much more stays within the bound; if it does, it is counted."""
        self._level_ms = max(0.0, self._level_ms - 1000 * (now - self._at))
        self._at = now
        if self._level_ms + audio_ms > self._limits.ahead_ms:
            return False
        self._level_ms += audio_ms
        return True
