"""Two recognition services as one."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

from backend.errors import ProviderError
from backend.ports import BYTES_PER_MS, Hypothesis, Recognition, Recognizer
from backend.providers.fallback.breaker import FIRST, SECOND, Breaker

KEPT_MS: Final = 15_000
"""Of a session's newest audio, which is said again to whoever takes over."""
_PROBE_PCM: Final = bytes(200 * BYTES_PER_MS)


class FallbackRecognizer:
    """`Recognizer` whose sessions go on with the other one when the one in use fails, from the same audio."""

    def __init__(self, recognizers: tuple[Recognizer, Recognizer], providers: tuple[str, str], rest_s: float) -> None:
        self._recognizers = recognizers
        self.breaker = Breaker("asr", providers, self._probe, rest_s)

    def open(self) -> AbstractAsyncContextManager[Recognition]:
        """One session of whichever can be opened."""
        return self._session()

    async def warm(self) -> None:
        """Have a connection of the one in use ready."""
        await self._recognizers[self.breaker.in_use].warm()

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.breaker.aclose()
        for recognizer in self._recognizers:
            await recognizer.aclose()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Recognition]:
        session = _Session(self._recognizers, self.breaker)
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


class _Session:
    """One recognition. Audio is kept as long as it may have to be said again."""

    def __init__(self, recognizers: tuple[Recognizer, Recognizer], breaker: Breaker) -> None:
        self._recognizers = recognizers
        self._breaker = breaker
        self._left = deque(breaker.order)
        self._which = FIRST
        self._stack = AsyncExitStack()
        self._inner: Recognition | None = None
        self._hypotheses: AsyncIterator[Hypothesis] | None = None
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._dropped_bytes = 0
        self._again: deque[bytes] = deque()
        self._begins_ms = 0
        self._finished = False
        self._heard = False

    async def begin(self) -> None:
        """Open it with whoever comes next in the order, from the audio that is kept.

        Raises:
            ProviderError: nobody is left.
        """
        while True:
            self._which = self._left.popleft()
            try:
                inner = await self._stack.enter_async_context(self._recognizers[self._which].open())
            except ProviderError as error:
                self._breaker.failed(self._which, error)
                if not self._left:
                    raise
            else:
                await self._say_again(inner)
                return

    async def close(self) -> None:
        """Hang up."""
        await self._stack.aclose()

    async def send(self, pcm: bytes) -> None:
        """Hand over audio."""
        self._keep(pcm)
        if self._inner is not None:
            await self._inner.send(pcm)
        else:
            self._again.append(pcm)

    async def finish(self) -> None:
        """Say that no more audio comes."""
        self._finished = True
        if self._inner is not None:
            await self._inner.finish()

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses in order, until the session ends."""
        return self

    async def __anext__(self) -> Hypothesis:
        """The next news."""
        while self._hypotheses is not None:
            try:
                return self._noted(await anext(self._hypotheses))
            except ProviderError as error:
                self._breaker.failed(self._which, error)
                if not self._left:
                    raise
                await self._change()
        raise StopAsyncIteration

    async def _change(self) -> None:
        self._inner = None
        self._heard = False
        self._again = self._kept.copy()
        self._begins_ms = self._dropped_bytes // BYTES_PER_MS
        await self._stack.aclose()
        await self.begin()

    async def _say_again(self, inner: Recognition) -> None:
        while self._again:
            await inner.send(self._again.popleft())
        self._hypotheses = aiter(inner)
        self._inner = inner
        if self._finished:
            await inner.finish()

    def _noted(self, hypothesis: Hypothesis) -> Hypothesis:
        if hypothesis.text and not self._heard:
            self._heard = True
            self._breaker.worked(self._which)
        if self._which != SECOND and not self._begins_ms:
            return hypothesis
        return replace(
            hypothesis,
            end_ms=hypothesis.end_ms + self._begins_ms,
            audio_ms=hypothesis.audio_ms + self._begins_ms,
            served_by=self._breaker.providers[SECOND] if self._which == SECOND else "",
        )

    def _keep(self, pcm: bytes) -> None:
        self._kept.append(pcm)
        self._kept_bytes += len(pcm)
        while self._kept_bytes > KEPT_MS * BYTES_PER_MS and len(self._kept) > 1:
            dropped = len(self._kept.popleft())
            self._kept_bytes -= dropped
            self._dropped_bytes += dropped
