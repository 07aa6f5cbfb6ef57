"""Two recognition services as one."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from backend.ports import BYTES_PER_MS, Hypothesis, Recognition, Recognizer
from backend.providers.fallback.breaker import FIRST, SECOND, Breaker
from backend.providers.fallback.succession import Succession

KEPT_MS: Final = 15_000
"""Of a session's newest audio, which is said again to whoever takes over."""
_PROBE_PCM: Final = bytes(200 * BYTES_PER_MS)


class FallbackRecognizer:
    """`Recognizer` whose sessions go on with the other one when the one in use fails, from the same audio."""

    def __init__(self, recognizers: tuple[Recognizer, Recognizer], providers: tuple[str, str], rest_s: float) -> None:
        self._recognizers = recognizers
        self.breaker = Breaker("asr", providers, self._probe, rest_s)

    def open(self, hot_words: Sequence[str] = ()) -> AbstractAsyncContextManager[Recognition]:
        """One session of whichever can be opened."""
        return self._session(hot_words)

    async def warm(self) -> None:
        """Have a connection of the one in use ready."""
        await self._recognizers[self.breaker.in_use].warm()

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.breaker.aclose()
        for recognizer in self._recognizers:
            await recognizer.aclose()

    @asynccontextmanager
    async def _session(self, hot_words: Sequence[str]) -> AsyncIterator[Recognition]:
        session = _Session(self._recognizers, self.breaker, hot_words)
        try:
            await session.begin()
            yield session
        finally:
            await session.close()

    async def _probe(self) -> None:
        async with self._recognizers[FIRST].open() as recognition:
            await recognition.send(_PROBE_PCM)
            await recognition.finish()
            async for _ in recognition:
                pass


class _Session(Succession[Recognition, bytes, Hypothesis]):
    """One recognition. Audio is kept as long as it may have to be said again."""

    def __init__(self, recognizers: tuple[Recognizer, Recognizer], breaker: Breaker, hot_words: Sequence[str]) -> None:
        super().__init__(breaker, breaker.order)
        self._recognizers = recognizers
        self._hot_words = hot_words
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._dropped_bytes = 0
        self._begins_ms = 0
        self._heard = False

    async def send(self, pcm: bytes) -> None:
        """Hand over audio."""
        self._keep(pcm)
        await self.hand_over(pcm)

    def opening(self, which: int) -> AbstractAsyncContextManager[Recognition]:
        """A session with this one."""
        return self._recognizers[which].open(self._hot_words)

    def items(self, inner: Recognition) -> AsyncIterator[Hypothesis]:
        """Its hypotheses."""
        return aiter(inner)

    async def pass_on(self, inner: Recognition, piece: bytes) -> None:
        """Let it hear this."""
        await inner.send(piece)

    def needed_again(self) -> Iterable[bytes]:
        """The audio that is kept; the successor counts its time from the first sample of it."""
        self._heard = False
        self._begins_ms = self._dropped_bytes // BYTES_PER_MS
        return self._kept

    def noted(self, item: Hypothesis) -> Hypothesis:
        """The hypothesis in the time of the whole session; from the second provider, with its name."""
        if item.text and not self._heard:
            self._heard = True
            self.breaker.worked(self.which)
        if self.which != SECOND and not self._begins_ms:
            return item
        return replace(
            item,
            end_ms=item.end_ms + self._begins_ms,
            audio_ms=item.audio_ms + self._begins_ms,
            served_by=self.breaker.providers[SECOND] if self.which == SECOND else "",
        )

    def _keep(self, pcm: bytes) -> None:
        self._kept.append(pcm)
        self._kept_bytes += len(pcm)
        while self._kept_bytes > KEPT_MS * BYTES_PER_MS and len(self._kept) > 1:
            dropped = len(self._kept.popleft())
            self._kept_bytes -= dropped
            self._dropped_bytes += dropped
