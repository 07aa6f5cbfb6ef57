"""Brings a caller's audio up to a recogniser, and notices a recogniser that stays silent although someone spoke."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from backend.errors import ProviderError
from backend.providers.gate import SpeechGate
from backend.providers.uplink import AudioClock, Packet, Uplink

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeederLimits:
    """How audio goes up.

    Attributes:
        packet_ms: of audio in a message.
        keepalive_s: after this long without audio some silence is sent.
        backlog_ms: audio that may wait; beyond it the oldest is dropped.
        end_window_ms: silence after which the service should have said that a sentence is over.
        stall_timeout_s: how long it may take to say so before it is asked for its last result.
        ends_at_silence: it is asked at once, as it says nothing before.
    """

    packet_ms: int
    keepalive_s: float
    backlog_ms: int
    end_window_ms: int
    stall_timeout_s: float
    ends_at_silence: bool = False


class Feeder:
    """Of one recognition. Audio goes up in the task that brings it; `pump` is for what is due when nobody brings any.

    Args:
        send: writes a packet; the last one may be empty, and says that no more comes.
    """

    def __init__(self, send: Callable[[Packet], Awaitable[None]], limits: FeederLimits) -> None:
        self._send = send
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._uplink = Uplink(
            packet_ms=limits.packet_ms,
            keepalive_s=limits.keepalive_s,
            backlog_ms=limits.backlog_ms,
            now=self._loop.time(),
        )
        self._gate = SpeechGate()
        self._sending = asyncio.Lock()
        self._woken = asyncio.Event()
        self._sleeps_until = 0.0
        self._stalls_at: float | None = None
        self.is_finishing = False

    @property
    def clock(self) -> AudioClock:
        """Turns the service's audio time into the caller's."""
        return self._uplink.clock

    async def put(self, pcm: bytes) -> None:
        """Take audio; waits only for a service that takes it slowly, and then the oldest is dropped."""
        if self.is_finishing:
            return
        self._uplink.put(pcm, self._loop.time())
        self._listen_for_the_end(pcm)
        await self._flush()
        if (deadline := self._deadline) is not None and deadline < self._sleeps_until:
            self._woken.set()

    async def finish(self) -> None:
        """No more audio comes."""
        self._finish()
        await self._flush()

    def close(self) -> None:
        """The session is over: nothing goes up any more. Who would send it knows this feeder, and is let go of."""
        self._send = _nowhere

    def answered(self, *, definite: bool) -> None:
        """The service has said something."""
        if definite:
            self._stalls_at = None
            self._gate.reset()
        elif self._stalls_at is not None:
            self._stalls_at = self._loop.time() + self._limits.stall_timeout_s

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Nothing goes up during the block; then what has come meanwhile does."""
        async with self._sending:
            yield
            await self._send_due()

    async def pump(self) -> None:
        """Send the silence that keeps the session alive, audio that waited long enough, and the end if it stalls."""
        while (deadline := self._deadline) is not None:
            await self._sleep(deadline)
            if self._stalls_at is not None and self._loop.time() >= self._stalls_at:
                log.info("feeder.silent_service")
                self._finish()
            async with self._sending:
                await self._send_due()

    @property
    def _deadline(self) -> float | None:
        due = self._uplink.deadline
        return due if due is None or self._stalls_at is None else min(due, self._stalls_at)

    async def _sleep(self, deadline: float) -> None:
        self._sleeps_until = deadline
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        self._sleeps_until = 0.0
        self._woken.clear()

    async def _flush(self) -> None:
        if not self._sending.locked():  # whoever is at it sends this too
            async with self._sending:
                await self._send_due()

    async def _send_due(self) -> None:
        try:
            while packet := self._uplink.take(self._loop.time()):
                await self._send(packet)
        except ProviderError as error:
            log.debug("feeder.gone", extra={"reason": error.reason})  # whoever iterates gets it too, with its reason

    def _finish(self) -> None:
        self.is_finishing = True
        self._stalls_at = None
        self._uplink.finish()

    def _listen_for_the_end(self, pcm: bytes) -> None:
        self._gate.hear(pcm)
        if not self._gate.spoke or self._gate.silence_ms < self._limits.end_window_ms:
            return
        self._gate.reset()
        if self._limits.ends_at_silence:
            self._finish()
        elif self._stalls_at is None:
            self._stalls_at = self._loop.time() + self._limits.stall_timeout_s


async def _nowhere(_packet: Packet) -> None:
    """Where the sound goes of whom nobody hears any more."""
