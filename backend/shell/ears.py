"""The ears of one call: the caller's audio in, the recogniser's hypotheses out, one session per listening."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from backend.call.moves import EarsClosed, Fault, Heard, Reached, Sensed
from backend.errors import INTERNAL, ProviderError, first_provider_error
from backend.marks import Clock
from backend.ports import BYTES_PER_MS, ActivityDetector, Recognition, Recognizer

log = logging.getLogger(__name__)

EDGES_KEPT: Final = 64
LISTENINGS_KEPT: Final = 4
"""So many listenings back, a moment on their audio clock can still be told in wall time."""

EarsNews = Heard | Sensed | Reached | EarsClosed


@dataclass(frozen=True, slots=True)
class EarsLimits:
    """Bounds of the audio on its way in.

    Attributes:
        ahead_ms: how far the client may run ahead of real time.
        joining_ms: how much is kept while the call is not ready yet.
    """

    ahead_ms: int = 30_000
    joining_ms: int = 1_000


class Ears:
    """Holds audio that waits for the recogniser, and runs one recognition session at a time.

    Audio that comes while the ears are shut is dropped. The buffer is bounded; the oldest sound is dropped first.

    Args:
        detector: tells speech from other sound; None leaves that to the recogniser.
        hot_words: what the caller is likely to say, as it is when a session begins.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        detector: ActivityDetector | None,
        post: Callable[[EarsNews], Awaitable[None]],
        clock: Clock,
        limits: EarsLimits,
        *,
        hot_words: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._recognizer = recognizer
        self._post = post
        self._clock = clock
        self._limits = limits
        self._hot_words = hot_words
        self._audio: deque[bytes] = deque()
        self._audio_bytes = 0
        self._max_bytes = limits.joining_ms * BYTES_PER_MS
        self._stirred = asyncio.Event()
        self._open = True
        self._number = 0
        self._heard_bytes = 0
        self._begins: dict[int, int] = {}
        self._last_arrival = clock()
        self._wake_ms: int | None = None
        self._speaking = False
        self._edges: deque[tuple[bool, int]] = deque(maxlen=EDGES_KEPT)
        self._activity = None if detector is None else detector.open(self._sense)

    def hear(self, pcm: bytes) -> None:
        """Take audio from the client."""
        if not self._open or not pcm:
            return
        self._last_arrival = self._clock()
        self._heard_bytes += len(pcm)
        if self._activity is not None:
            self._activity.feed(pcm)
        self._audio.append(pcm)
        self._audio_bytes += len(pcm)
        while self._audio_bytes > self._max_bytes:
            self._drop(self._audio.popleft())
        self._stirred.set()

    def open(self, number: int, *, keep_audio: bool) -> None:
        """Accept audio from here on, for the listening of this number."""
        if not keep_audio:
            self._forget()
        self._open = True
        self._max_bytes = self._limits.ahead_ms * BYTES_PER_MS
        self._number = number
        self._wake_ms = None
        self._begins[number] = self._heard_bytes - self._audio_bytes
        self._begins.pop(number - LISTENINGS_KEPT, None)

    def shut(self) -> None:
        """Drop audio from here on, and what waits."""
        self._open = False
        self._wake_ms = None
        self._forget()

    def close(self) -> None:
        """The call is over."""
        self.shut()
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.close()

    def wake_at(self, number: int, audio_ms: int) -> None:
        """Post `Reached` when this listening's audio clock has come so far."""
        if number == self._number:
            self._wake_ms = audio_ms
            if self._clock_ms >= audio_ms:
                self._stirred.set()

    def time_of(self, number: int, audio_ms: int) -> float:
        """When the audio at `audio_ms` of that listening's clock arrived here, on the call's clock."""
        at = self._begins.get(number, self._heard_bytes) + audio_ms * BYTES_PER_MS
        return self._last_arrival - max(0, self._heard_bytes - at) / BYTES_PER_MS / 1000

    async def listen(self, number: int) -> None:
        """Run one recognition session to its end; its hypotheses, and its end, are posted with `number`."""
        if self._speaking:
            self._edges.append((True, self._begins[number] // BYTES_PER_MS))
        if self._audio or self._edges:
            self._stirred.set()
        fault: Fault | None = None
        try:
            async with self._recognizer.open(self._hot_words()) as recognition, asyncio.TaskGroup() as tasks:
                feeding = tasks.create_task(self._feed(number, recognition))
                async for hypothesis in recognition:
                    await self._post(Heard(number, hypothesis))
                feeding.cancel()
        except* ProviderError as failures:
            fault = _fault_of(first_provider_error(failures))
        except* Exception:
            log.exception("ears.crashed")
            fault = Fault(INTERNAL, "the recogniser's adapter failed")
        await self._post(EarsClosed(number, fault))

    @property
    def _clock_ms(self) -> int:
        """Audio of the present listening that has arrived."""
        return (self._heard_bytes - self._begins.get(self._number, 0)) // BYTES_PER_MS

    async def _feed(self, number: int, recognition: Recognition) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._audio:
                pcm = self._audio.popleft()
                self._audio_bytes -= len(pcm)
                await recognition.send(pcm)
            while self._edges:
                speaking, at_ms = self._edges.popleft()
                since_ms = at_ms - self._begins[number] // BYTES_PER_MS
                await self._post(Sensed(number, speaking, max(0, since_ms)))
            if self._wake_ms is not None and (reached_ms := self._clock_ms) >= self._wake_ms:
                self._wake_ms = None
                await self._post(Reached(number, reached_ms))

    def _sense(self, speaking: bool, at_ms: int) -> None:
        self._speaking = speaking
        if self._open:
            self._edges.append((speaking, at_ms))
            self._stirred.set()

    def _drop(self, pcm: bytes) -> None:
        """This will never reach the recogniser, whose clock so begins later."""
        self._audio_bytes -= len(pcm)
        if self._number in self._begins:
            self._begins[self._number] += len(pcm)

    def _forget(self) -> None:
        self._audio.clear()
        self._audio_bytes = 0
        self._edges.clear()
        self._stirred.clear()


def _fault_of(error: ProviderError) -> Fault:
    log.warning("ears.failed", extra={"code": error.code, "vendor_code": error.vendor_code, "log_id": error.log_id})
    return Fault(error.code, str(error))
