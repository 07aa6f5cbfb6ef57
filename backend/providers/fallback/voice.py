"""Two synthesis services as one."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from backend.errors import ContentRefused, ProviderError
from backend.ports import Sound, Speech, SpeechItem, SpeechOptions, Synthesizer
from backend.providers.fallback.breaker import FIRST, SECOND, Breaker
from backend.providers.fallback.succession import Succession

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


class _Speech(Succession[Speech, str, SpeechItem]):
    """One reply. Its text is kept until the first sound, as it may have to be said to another."""

    def __init__(self, synthesizers: tuple[Synthesizer, Synthesizer], breaker: Breaker, options: SpeechOptions) -> None:
        super().__init__(breaker, (which for which in breaker.order if which == FIRST or options.second_voice))
        self._synthesizers = synthesizers
        self._options = options
        self._said: list[str] = []
        self._cancelled = False
        self._sounded = False

    async def say(self, text: str) -> None:
        """Hand over some more text."""
        if not self._sounded:
            self._said.append(text)
        await self.hand_over(text)

    async def cancel(self) -> None:
        """Stop speaking at once; iteration ends."""
        self._cancelled = True
        if self.inner is not None:
            await self.inner.cancel()

    async def __anext__(self) -> SpeechItem:
        """The next item, as long as it is wanted."""
        if self._cancelled:
            raise StopAsyncIteration
        return await super().__anext__()

    def opening(self, which: int) -> AbstractAsyncContextManager[Speech]:
        """A session with this one, in the voice that it has."""
        voice = self._options.second_voice if which == SECOND else self._options.voice
        return self._synthesizers[which].open(replace(self._options, voice=voice))

    def items(self, inner: Speech) -> AsyncIterator[SpeechItem]:
        """Its sentences."""
        return aiter(inner)

    async def pass_on(self, inner: Speech, piece: str) -> None:
        """Have it say this."""
        await inner.say(piece)

    def needed_again(self) -> Iterable[str]:
        """All of the text, as nothing of it was heard."""
        return self._said

    def may_change(self, error: ProviderError) -> bool:
        """Before the first sound, and not with a text that was refused for what it says."""
        return not self._sounded and not isinstance(error, ContentRefused)

    async def caught_up(self, inner: Speech) -> None:
        """Cancel it, if the reply was cancelled meanwhile; else finish it, if all of the text is there."""
        if self._cancelled:
            await inner.cancel()
        else:
            await super().caught_up(inner)

    def noted(self, item: SpeechItem) -> SpeechItem:
        """Once it sounds, the text need not be kept."""
        if isinstance(item, Sound) and not self._sounded:
            self._sounded = True
            self._said.clear()
            self.breaker.worked(self.which)
        return item
