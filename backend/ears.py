"""The ears of one call: the caller's audio in, the recogniser's hypotheses out, one session per listening."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.call.moves import EarsClosed, Fault, Heard
from backend.errors import INTERNAL, ProviderError, first_provider_error
from backend.marks import Clock
from backend.ports import BYTES_PER_MS, Recognition, Recognizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EarsLimits:
    """Bounds of the audio on its way in.

    Attributes:
        ahead_ms: how far the client may run ahead of real time.
        joining_ms: how much is kept while the call is not ready yet.
    """

    ahead_ms: int = 30_000
    joining_ms: int = 1_000


class Pace:
    """Measures how far audio has run ahead of real time."""

    def __init__(self, ahead_ms: int, clock: Clock) -> None:
        self._ahead_ms = ahead_ms
        self._clock = clock
        self._level_ms = 0.0
        self._at = clock()

    def admits(self, audio_ms: float) -> bool:
        """Whether this much more stays within the bound; if it does, it is counted."""
        now = self._clock()
        self._level_ms = max(0.0, self._level_ms - 1000 * (now - self._at))
        self._at = now
        if self._level_ms + audio_ms > self._ahead_ms:
            return False
        self._level_ms += audio_ms
        return True


class Ears:
    """Holds audio that waits for the recogniser, and runs one recognition session at a time.

    Audio that comes while the ears are shut is dropped. The buffer is bounded; the oldest sound is dropped first.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        post: Callable[[Heard | EarsClosed], Awaitable[None]],
        clock: Clock,
        limits: EarsLimits,
    ) -> None:
        self._recognizer = recognizer
        self._post = post
        self._clock = clock
        self._limits = limits
        self._audio: deque[bytes] = deque()
        self._audio_bytes = 0
        self._max_bytes = limits.joining_ms * BYTES_PER_MS
        self._arrived = asyncio.Event()
        self._open = True
        self._taken_bytes = 0
        self._last_arrival = clock()

    def hear(self, pcm: bytes) -> None:
        """Take audio from the client."""
        if not self._open or not pcm:
            return
        self._last_arrival = self._clock()
        self._audio.append(pcm)
        self._audio_bytes += len(pcm)
        while self._audio_bytes > self._max_bytes:
            self._audio_bytes -= len(self._audio.popleft())
        self._arrived.set()

    def open(self, *, keep_audio: bool) -> None:
        """Accept audio from here on."""
        if not keep_audio:
            self._forget()
        self._open = True
        self._max_bytes = self._limits.ahead_ms * BYTES_PER_MS

    def shut(self) -> None:
        """Drop audio from here on, and what waits."""
        self._open = False
        self._forget()

    def time_of(self, audio_ms: int) -> float:
        """When the audio at `audio_ms` of the session's clock arrived here, on the call's clock."""
        arrived_ms = (self._taken_bytes + self._audio_bytes) / BYTES_PER_MS
        return self._last_arrival - max(0.0, arrived_ms - audio_ms) / 1000

    async def listen(self, number: int) -> None:
        """Run one recognition session to its end; its hypotheses, and its end, are posted with `number`."""
        self._taken_bytes = 0
        if self._audio:
            self._arrived.set()
        fault: Fault | None = None
        try:
            async with self._recognizer.open() as recognition, asyncio.TaskGroup() as tasks:
                feeding = tasks.create_task(self._feed(recognition))
                async for hypothesis in recognition:
                    await self._post(Heard(number, hypothesis))
                feeding.cancel()
        except* ProviderError as failures:
            fault = _fault_of(first_provider_error(failures))
        except* Exception:
            log.exception("ears.crashed")
            fault = Fault(INTERNAL, "the recogniser's adapter failed")
        await self._post(EarsClosed(number, fault))

    async def _feed(self, recognition: Recognition) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._audio:
                pcm = self._audio.popleft()
                self._audio_bytes -= len(pcm)
                self._taken_bytes += len(pcm)
                await recognition.send(pcm)

    def _forget(self) -> None:
        self._audio.clear()
        self._audio_bytes = 0
        self._arrived.clear()


def _fault_of(error: ProviderError) -> Fault:
    log.warning("ears.failed", extra={"code": error.code, "vendor_code": error.vendor_code, "log_id": error.log_id})
    return Fault(error.code, str(error))
