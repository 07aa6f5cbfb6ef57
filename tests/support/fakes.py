"""Ears, a mind and a voice that follow a script and keep what they were asked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from backend.errors import ProviderError
from backend.ports import (
    ChatItem,
    ChatUsage,
    Hypothesis,
    Message,
    SentenceBegan,
    SentenceEnded,
    Sound,
    SpeechItem,
    SpeechOptions,
    SpeechUsage,
    TextDelta,
)

BYTES_PER_MS = 32


@dataclass(frozen=True)
class Hears:
    """Of one recognition session: the text is definite once `after_ms` of audio came; partials come on the way."""

    text: str
    after_ms: int = 100
    partials: tuple[str, ...] = ()


class FakeSession:
    """One recognition."""

    def __init__(self, script: list[Hears | ProviderError]) -> None:
        self.audio = bytearray()
        self._script = script
        self._line: Hears | ProviderError | None = None
        self._out: asyncio.Queue[Hypothesis | ProviderError | None] = asyncio.Queue()

    async def send(self, pcm: bytes) -> None:
        if not self.audio and self._script:
            self._line = self._script.pop(0)
        self.audio += pcm
        heard_ms = len(self.audio) // BYTES_PER_MS
        match self._line:
            case ProviderError() as error:
                self._out.put_nowait(error)
                self._line = None
            case Hears(text, after_ms, partials) if heard_ms >= after_ms:
                for partial in partials:
                    self._out.put_nowait(Hypothesis(partial, False, heard_ms, heard_ms))
                self._out.put_nowait(Hypothesis(text, True, heard_ms, heard_ms))
                self._line = None

    async def finish(self) -> None:
        self._out.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        return self

    async def __anext__(self) -> Hypothesis:
        item = await self._out.get()
        if isinstance(item, ProviderError):
            raise item
        if item is None:
            raise StopAsyncIteration
        return item


class FakeRecognizer:
    """Each session that gets audio takes the next line; with no line left it hears nothing."""

    def __init__(self, *script: Hears | ProviderError) -> None:
        self.script = list(script)
        self.sessions: list[FakeSession] = []
        self.hot_words: list[Sequence[str]] = []
        self.closed = 0
        self.warmed = 0
        self.refuses: ProviderError | None = None

    @asynccontextmanager
    async def open(self, hot_words: Sequence[str] = ()) -> AsyncIterator[FakeSession]:
        if self.refuses is not None:
            raise self.refuses
        session = FakeSession(self.script)
        self.hot_words.append(hot_words)
        self.sessions.append(session)
        try:
            yield session
        finally:
            self.closed += 1

    async def warm(self) -> None:
        self.warmed += 1

    async def aclose(self) -> None:
        return


@dataclass
class FakeModel:
    """Each request takes the next reply: pieces of text; an error among them ends it; `hold` waits for `go`."""

    replies: list[Sequence[str | Exception]]
    asked: list[Sequence[Message]] = field(default_factory=list)
    hold: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: int = 0

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        self.asked.append(messages)
        try:
            for piece in self.replies.pop(0):
                if isinstance(piece, Exception):
                    raise piece
                yield TextDelta(piece)
            if self.hold:
                await self.go.wait()
            yield ChatUsage(10, 5)
        finally:
            self.stopped += 1

    async def warm(self) -> None:
        return

    async def aclose(self) -> None:
        return


class FakeSpeech:
    """Speaks each chunk as a sentence of its own; its sound is the text's bytes."""

    def __init__(self, owner: "FakeSynthesizer") -> None:
        self._owner = owner
        self._out: asyncio.Queue[SpeechItem | ProviderError | None] = asyncio.Queue()
        self._characters = 0

    async def say(self, text: str) -> None:
        self._owner.said.append(text)
        self._characters += len(text)
        if (error := self._owner.fails) is not None:
            self._out.put_nowait(error)
            return
        items: list[SpeechItem] = [SentenceBegan(text), *self._owner.sound_of(text), SentenceEnded()]
        for item in items:
            self._out.put_nowait(item)

    async def finish(self) -> None:
        self._out.put_nowait(SpeechUsage(self._characters))
        self._out.put_nowait(None)

    async def cancel(self) -> None:
        self._owner.cancelled += 1
        self._out.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[SpeechItem]:
        return self

    async def __anext__(self) -> SpeechItem:
        item = await self._out.get()
        if isinstance(item, ProviderError):
            raise item
        if item is None:
            raise StopAsyncIteration
        return item


class FakeSynthesizer:
    """Keeps what it was told to say, and how."""

    takes_tokens = False

    def __init__(self, pieces: int = 2) -> None:
        self.said: list[str] = []
        self.options: list[SpeechOptions] = []
        self.cancelled = 0
        self.left_early = 0
        self.warmed: list[str] = []
        self.fails: ProviderError | None = None
        self.refuses: ProviderError | None = None
        self._pieces = pieces

    def sound_of(self, text: str) -> list[Sound]:
        data = text.encode()
        step = max(1, -(-len(data) // self._pieces)) if self._pieces else 0
        return [Sound(data[at : at + step]) for at in range(0, len(data), step)] if self._pieces else []

    @asynccontextmanager
    async def open(self, options: SpeechOptions) -> AsyncIterator[FakeSpeech]:
        if self.refuses is not None:
            raise self.refuses
        self.options.append(options)
        try:
            yield FakeSpeech(self)
        except BaseException:
            self.left_early += 1
            raise

    async def warm(self, voice: str) -> None:
        self.warmed.append(voice)

    async def aclose(self) -> None:
        return
