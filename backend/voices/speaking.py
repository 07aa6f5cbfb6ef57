"""What voices sound like: short samples from the real synthesiser, kept, and made for anyone only so often."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from backend.errors import ProviderTimeout, VoiceCallError
from backend.ports import Sound, SpeechOptions, Synthesizer


@dataclass(frozen=True, slots=True)
class SampleLimits:
    """Bounds of what trying voices may cost.

    Attributes:
        kept, kept_bytes: samples in memory; the one that was not asked for longest goes first.
        at_once: made at the same time.
        burst: made one after another before it goes slowly.
        each_s: then one in so many seconds.
        made_s: no sample takes longer.
    """

    kept: int = 64
    kept_bytes: int = 16 * 1024 * 1024
    at_once: int = 2
    burst: int = 12
    each_s: float = 5.0
    made_s: float = 60.0


class TooManySamples(VoiceCallError):  # noqa: N818 - it says what happened
    """So many were made of late that the next one has to wait; `wait_s` says how long."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("too many voices were tried of late")
        self.wait_s = wait_s


class Samples:
    """Speaks a text in a voice, as MP3."""

    def __init__(
        self, synthesizer: Synthesizer, limits: SampleLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._synthesizer = synthesizer
        self._limits = limits or SampleLimits()
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._few = asyncio.Semaphore(self._limits.at_once)
        self._allowance = float(self._limits.burst)
        self._counted = clock()

    async def mp3(self, voice: str, text: str) -> bytes:
        """The sound of it, made once.

        Raises:
            TooManySamples: it would have to be made, and too many were.
            ProviderError: the service failed.
        """
        key = (voice, text)
        async with self._few:
            if key not in self._kept:
                self._spend()
                self._keep(key, await self._made(voice, text))
            self._kept.move_to_end(key)
            return self._kept[key]

    async def _made(self, voice: str, text: str) -> bytes:
        try:
            async with asyncio.timeout(self._limits.made_s):
                return await self._speak(voice, text)
        except TimeoutError as exc:
            raise ProviderTimeout("tts", f"the sample was not finished within {self._limits.made_s:g} s") from exc

    async def _speak(self, voice: str, text: str) -> bytes:
        async with self._synthesizer.open(SpeechOptions(voice)) as speech:
            await speech.say(text)
            await speech.finish()
            return b"".join([item.data async for item in speech if isinstance(item, Sound)])

    def _spend(self) -> None:
        now = self._clock()
        self._allowance = min(self._limits.burst, self._allowance + (now - self._counted) / self._limits.each_s)
        self._counted = now
        if self._allowance < 1:
            raise TooManySamples(max(1, math.ceil((1 - self._allowance) * self._limits.each_s)))
        self._allowance -= 1

    def _keep(self, key: tuple[str, str], sound: bytes) -> None:
        self._kept[key] = sound
        while len(self._kept) > 1 and (
            len(self._kept) > self._limits.kept or sum(map(len, self._kept.values())) > self._limits.kept_bytes
        ):
            self._kept.popitem(last=False)
