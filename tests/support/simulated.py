"""A whole call without sockets, for a clock that jumps: a client, ears, a mind and a voice, each with its delays."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from backend.connections.line import Line
from backend.ports import (
    ActivityChange,
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
from backend.protocol.events import CallConfig, Query
from backend.protocol.frames import AudioFrame, EventFrame, Framing
from backend.session import CallSession, Services, SessionLimits
from backend.store.memory import MemoryStore
from tests.support.caller import SILENCE_100_MS, audio_up, event_up, read_down

SOUND_MS_PER_CHAR = 200
IDLE_LINE = "你还在听吗？"
KEPT_BYTES = 32_000
SOUND_BYTES_PER_MS = 48  # of raw samples at 24 kHz


@dataclass
class SimulatedLine:
    """The client's end: what it sends goes in, what it gets is kept with the time."""

    inbound: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    frames: list[tuple[float, EventFrame | AudioFrame]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int | None = None

    async def messages(self) -> AsyncIterator[bytes | str]:
        while (message := await self.inbound.get()) is not None:
            yield message

    async def send(self, data: bytes) -> None:
        self.frames.append((asyncio.get_running_loop().time(), read_down(data)))
        self.news.set()
        await asyncio.sleep(0)

    async def close(self, code: int, _reason: str) -> None:
        self.closed = code
        self.inbound.put_nowait(None)

    def hurry(self) -> None:
        """It is never in the way."""

    def tell(self, event: str, payload: dict[str, Any] | None = None) -> None:
        """Send an event up."""
        self.inbound.put_nowait(event_up(event, payload))

    def silence(self, ms: int = 100) -> None:
        """Send so much silence up, at once."""
        for _ in range(ms // 100):
            self.inbound.put_nowait(audio_up(SILENCE_100_MS))

    def names(self) -> list[str]:
        """What came, by name; audio as `audio`."""
        return [frame.event if isinstance(frame, EventFrame) else "audio" for _, frame in self.frames]

    async def until(self, event: str, count: int = 1) -> None:
        """Wait until so many of this event have come."""
        while self.names().count(event) < count:
            self.news.clear()
            await self.news.wait()


class SimulatedEars:
    """A recogniser that hears what it is told to, in the session that is open."""

    def __init__(self) -> None:
        self.sessions = 0
        self.sent = b""
        self._queue: asyncio.Queue[Hypothesis] = asyncio.Queue()
        self._sent_ms = 0

    def hear(self, text: str, *, definite: bool = True) -> None:
        """The session that is open hears it now."""
        self._queue.put_nowait(Hypothesis(text, definite, max(1, self._sent_ms), self._sent_ms))

    @asynccontextmanager
    async def open(self, hot_words: Sequence[str] = ()) -> AsyncIterator["SimulatedEars"]:
        self.sessions += 1
        self._queue = asyncio.Queue()
        self._sent_ms = 0
        yield self

    async def send(self, pcm: bytes) -> None:
        self._sent_ms += len(pcm) // 32
        self.sent = (self.sent + pcm)[-KEPT_BYTES:]

    async def finish(self) -> None:
        return

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        return self

    async def __anext__(self) -> Hypothesis:
        return await self._queue.get()

    async def warm(self) -> None:
        return

    async def aclose(self) -> None:
        return


@dataclass
class SimulatedMind:
    """Answers with `answer`, two characters a token."""

    answer: str = "好呀，我也这么想的。那我们明天下午一起去吧？"
    first_token_s: float = 0.3
    token_s: float = 0.02
    asked: list[Sequence[Message]] = field(default_factory=list)
    stopped: int = 0

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        self.asked.append(messages)
        try:
            await asyncio.sleep(self.first_token_s)
            for at in range(0, len(self.answer), 2):
                yield TextDelta(self.answer[at : at + 2])
                await asyncio.sleep(self.token_s)
            yield ChatUsage(100, len(self.answer) // 2)
        finally:
            self.stopped += 1

    async def warm(self) -> None:
        return

    async def aclose(self) -> None:
        return


class _SimulatedSpeech:
    def __init__(self, first_sound_s: float) -> None:
        self._first_sound_s = first_sound_s
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()

    async def say(self, text: str) -> None:
        self._texts.put_nowait(text)

    async def finish(self) -> None:
        self._texts.put_nowait(None)

    async def cancel(self) -> None:
        self._texts.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[SpeechItem]:
        characters = 0
        while (text := await self._texts.get()) is not None:
            characters += len(text)
            await asyncio.sleep(self._first_sound_s)
            yield SentenceBegan(text)
            for _ in text:
                yield Sound(bytes(SOUND_MS_PER_CHAR * SOUND_BYTES_PER_MS))
                await asyncio.sleep(0.01)
            yield SentenceEnded()
        yield SpeechUsage(characters)


@dataclass
class SimulatedVoice:
    """Speaks each chunk as a sentence, a good deal faster than real time."""

    first_sound_s: float = 0.2
    takes_tokens: bool = False
    open_sessions: int = 0

    @asynccontextmanager
    async def open(self, _options: SpeechOptions) -> AsyncIterator[_SimulatedSpeech]:
        self.open_sessions += 1
        try:
            yield _SimulatedSpeech(self.first_sound_s)
        finally:
            self.open_sessions -= 1

    async def warm(self, _voice: str) -> None:
        return

    async def aclose(self) -> None:
        return


class SimulatedDetector:
    """Voice activity as a test says it; positions are on the clock of the audio that was fed."""

    def __init__(self) -> None:
        self._on_change: ActivityChange
        self._fed_ms = 0
        self.closed = False

    def open(self, on_change: ActivityChange) -> "SimulatedDetector":
        self._on_change = on_change
        return self

    def feed(self, pcm: bytes) -> None:
        self._fed_ms += len(pcm) // 32

    def sense(self, *, speaking: bool) -> None:
        """Speech begins or ends where the audio stands now."""
        self._on_change(speaking, self._fed_ms)

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        return


@dataclass
class Simulation:
    """One call and all that it needs."""

    config: CallConfig = field(
        default_factory=lambda: CallConfig(delivery="stream", audio_format="pcm", barge_in=True, turn_ids=True)
    )
    limits: SessionLimits = field(default_factory=SessionLimits)
    line: SimulatedLine = field(default_factory=SimulatedLine)
    ears: SimulatedEars = field(default_factory=SimulatedEars)
    mind: SimulatedMind = field(default_factory=SimulatedMind)
    voice: SimulatedVoice = field(default_factory=SimulatedVoice)
    detector: SimulatedDetector | None = None
    store: MemoryStore = field(default_factory=lambda: MemoryStore(20))

    def session_over(self, line: Line, ready: Mapping[str, Any] | None = None) -> CallSession:
        """The call, on this line."""

        def prompt(_persona: str | None, history: Sequence[Message], text: str) -> Sequence[Message]:
            return (*history, Message("user", text))

        def voice(config: CallConfig) -> SpeechOptions:
            return SpeechOptions("a voice", config.audio_format, config.sample_rate)

        services = Services(
            *(self.ears, self.mind, self.voice, self.store, prompt, voice, lambda _: True),
            detector=self.detector,
            idle_line=lambda _: IDLE_LINE,
        )
        clock = asyncio.get_running_loop().time
        query = Query("sid-1", Framing.SIZED, self.config)
        return CallSession(line, services, query, self.limits, clock, ready=ready)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[CallSession]:
        """The call, joined; hung up when the block ends."""
        session = self.session_over(self.line)
        running = asyncio.create_task(session.run())
        try:
            await self.line.until("BotReady")
            yield session
        finally:
            self.line.inbound.put_nowait(None)
            with suppress(asyncio.CancelledError):
                await running

    async def speak(self, text: str, ms: int = 1000) -> None:
        """The caller says it, and is silent until it is taken for an utterance."""
        turns = self.line.names().count("SentenceRecognized")
        self.line.silence(ms)
        await asyncio.sleep(ms / 1000)
        self.ears.hear(text)
        while self.line.names().count("SentenceRecognized") == turns:
            self.line.silence(100)
            await asyncio.sleep(0.1)
