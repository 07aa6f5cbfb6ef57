"""Two synthesis services as one."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

from backend.errors import ContentRefused, ProviderError
from backend.ports import Sound, Speech, SpeechItem, SpeechOptions, Synthesizer
from backend.providers.fallback.breaker import FIRST, SECOND, Breaker

_PROBE: Final = "OK."


class FallbackSynthesizer:
    """`Synthesizer` that has the other one speak when the one in use fails before its first sound.

    The second one speaks with `SpeechOptions.second_voice`; where that is empty, it is not asked.
    """

    def __init__(
        self, synthesizers: tuple[Synthesizer, Synthesizer], providers: tuple[str, str], rest_s: float
    ) -> None:
        self._synthesizers = synthesizers
        self._last = SpeechOptions("")
        self.breaker = Breaker("tts", providers, self._probe, rest_s)

    @property
    def takes_tokens(self) -> bool:
        """Of the one in use."""
        return self._synthesizers[self.breaker.in_use].takes_tokens

    def open(self, options: SpeechOptions) -> AbstractAsyncContextManager[Speech]:
        """One session of whichever can be opened."""
        return self._speech(options)

    async def warm(self, voice: str) -> None:
        """Have a connection of the one in use ready."""
        if self.breaker.in_use == FIRST:
            await self._synthesizers[FIRST].warm(voice)
        elif self._last.second_voice:
            await self._synthesizers[SECOND].warm(self._last.second_voice)

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.breaker.aclose()
        for synthesizer in self._synthesizers:
            await synthesizer.aclose()

    @asynccontextmanager
    async def _speech(self, options: SpeechOptions) -> AsyncIterator[Speech]:
        self._last = options
        speech = _Speech(self._synthesizers, self.breaker, options)
        try:
            await speech.begin()
            yield speech
        finally:
            await speech.close()

    async def _probe(self) -> None:
        async with self._synthesizers[FIRST].open(replace(self._last, audio_format="pcm")) as speech:
            await speech.say(_PROBE)
            await speech.finish()
            async for item in speech:
                if isinstance(item, Sound):
                    return


class _Speech:
    """One reply. Its text is kept until the first sound, as it may have to be said to another."""

    def __init__(self, synthesizers: tuple[Synthesizer, Synthesizer], breaker: Breaker, options: SpeechOptions) -> None:
        self._synthesizers = synthesizers
        self._breaker = breaker
        self._options = options
        self._left = deque(which for which in breaker.order if which == FIRST or options.second_voice)
        self._which = FIRST
        self._stack = AsyncExitStack()
        self._inner: Speech | None = None
        self._items: AsyncIterator[SpeechItem] | None = None
        self._said: list[str] = []
        self._again: deque[str] = deque()
        self._finished = False
        self._cancelled = False
        self._sounded = False

    async def begin(self) -> None:
        """Open it with whoever comes next in the order, and say what was said.

        Raises:
            ProviderError: nobody is left.
        """
        while True:
            self._which = self._left.popleft()
            voice = self._options.second_voice if self._which == SECOND else self._options.voice
            opening = self._synthesizers[self._which].open(replace(self._options, voice=voice))
            try:
                inner = await self._stack.enter_async_context(opening)
            except ProviderError as error:
                self._breaker.failed(self._which, error)
                if not self._left:
                    raise
            else:
                await self._say_again(inner)
                return

    async def close(self) -> None:
        """Leave it, spoken or not."""
        await self._stack.aclose()

    async def say(self, text: str) -> None:
        """Hand over some more text."""
        if not self._sounded:
            self._said.append(text)
        if self._inner is not None:
            await self._inner.say(text)
        else:
            self._again.append(text)

    async def finish(self) -> None:
        """Say that no more text comes."""
        self._finished = True
        if self._inner is not None:
            await self._inner.finish()

    async def cancel(self) -> None:
        """Stop speaking at once; iteration ends."""
        self._cancelled = True
        if self._inner is not None:
            await self._inner.cancel()

    def __aiter__(self) -> AsyncIterator[SpeechItem]:
        """Sentence after sentence: its beginning, its sound, its end."""
        return self

    async def __anext__(self) -> SpeechItem:
        """The next item."""
        while self._items is not None and not self._cancelled:
            try:
                return self._noted(await anext(self._items))
            except ProviderError as error:
                self._breaker.failed(self._which, error)
                if self._sounded or not self._left or isinstance(error, ContentRefused):
                    raise
                await self._change()
        raise StopAsyncIteration

    async def _change(self) -> None:
        self._inner = None
        self._again = deque(self._said)
        await self._stack.aclose()
        await self.begin()

    async def _say_again(self, inner: Speech) -> None:
        while self._again:
            await inner.say(self._again.popleft())
        self._items = aiter(inner)
        self._inner = inner
        if self._cancelled:
            await inner.cancel()
        elif self._finished:
            await inner.finish()

    def _noted(self, item: SpeechItem) -> SpeechItem:
        if isinstance(item, Sound) and not self._sounded:
            self._sounded = True
            self._said.clear()
            self._breaker.worked(self._which)
        return item
