"""Ears, a mind and a voice that go wrong in every way their ports allow, and in some that they forbid. Seeded."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from backend.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable, Stage
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

ANSWERS: Final = (
    "好呀，我也这么想的。那我们明天下午一起去吧？",
    "嗯。",
    "Well, why not? I have been there once, it was lovely.",
    "哈哈哈哈哈哈，真的吗！你再说一遍，我没听清，刚才有点吵。对了，上次那家店又开了，要不要去试试看？",
    "**好** 😀（笑）1. 第一；2. 第二",
)
GARBLED: Final = ("", "  ", "\x00\ufffd", "，。！", "a" * 5000, "嗯", "等一下", "\ud83d\ude00", "ＡＢＣ\u200b")
SOUND_BYTES_PER_CHAR: Final = 4800
"""100 ms at 24 kHz; at other rates shorter or longer."""


@dataclass
class Mischief:
    """Draws what goes wrong next.

    Attributes:
        share: of the sessions in which something does.
        done: what went wrong, and how often.
    """

    chance: random.Random
    share: float = 0.3
    on: bool = True
    done: dict[str, int] = field(default_factory=dict)

    def pick(self, stage: str, *ways: str) -> str:
        """One of the ways, or empty for none."""
        if not self.on or self.chance.random() >= self.share:
            return ""
        way = self.chance.choice(ways)
        self.done[f"{stage} {way}"] = self.done.get(f"{stage} {way}", 0) + 1
        return way

    def failure(self, stage: Stage) -> ProviderError:
        """One of the three kinds."""
        kind = self.chance.choice([ProviderUnavailable, ProviderRefused, ProviderTimeout])
        return kind(stage, "it went wrong on purpose", vendor_code="4711", log_id="log-1")

    async def pause(self, most_s: float) -> None:
        """Some time passes; often none at all."""
        await asyncio.sleep(self.chance.choice([0.0, self.chance.random() * most_s]))


async def for_ever() -> None:
    """Nobody answers."""
    await asyncio.Event().wait()


class Recognition:
    """One session; hears what it is told to."""

    def __init__(self, mischief: Mischief, way: str) -> None:
        self._mischief = mischief
        self.way = way
        self._queue: asyncio.Queue[Hypothesis] = asyncio.Queue()
        self._sent_ms = 0
        self._breaks_at = mischief.chance.random() * 8

    def hear(self, text: str, *, definite: bool) -> None:
        """Believe it, after a while."""
        chance, at_ms = self._mischief.chance, self._sent_ms
        if self.way == "garble":
            text = chance.choice(GARBLED)
            at_ms = chance.choice([-1, 0, at_ms, 10 * at_ms, 2**31])
            self._queue.put_nowait(Hypothesis(text, chance.random() < 0.5, chance.choice([at_ms, 0, -5]), at_ms))
        elif self.way != "mute":
            self._queue.put_nowait(Hypothesis(text, definite, max(1, at_ms), at_ms))

    async def send(self, pcm: bytes) -> None:
        if self.way == "send stalls":
            await for_ever()
        if self.way == "send fails":
            raise self._mischief.failure("asr")
        self._sent_ms += len(pcm) // 32

    async def finish(self) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        way = self.way
        if way in {"breaks", "ends", "crashes"}:
            try:
                async with asyncio.timeout(self._breaks_at):
                    while True:
                        yield await self._queue.get()
            except TimeoutError:
                if way == "ends":
                    return
                raise self._mischief.failure("asr") if way == "breaks" else RuntimeError("on purpose") from None
        while True:
            yield await self._queue.get()


class Ears:
    """A recogniser; `hear` speaks to the session that is open."""

    def __init__(self, mischief: Mischief) -> None:
        self._mischief = mischief
        self._session: Recognition | None = None
        self.open_sessions = 0

    def hear(self, text: str, *, definite: bool = True) -> None:
        if self._session is not None:
            self._session.hear(text, definite=definite)

    @asynccontextmanager
    async def open(self, hot_words: Sequence[str] = ()) -> AsyncIterator[Recognition]:
        mischief = self._mischief
        ways = ("refuses", "opens late", "never opens", "breaks", "ends", "crashes", "garble", "mute", "send stalls")
        way = mischief.pick("ears", *ways, "send fails", "leaves late", "leaves badly")
        self.open_sessions += 1
        session = Recognition(mischief, way)
        try:
            await mischief.pause(0.2)
            if way == "refuses":
                raise mischief.failure("asr")
            if way == "opens late":
                await asyncio.sleep(mischief.chance.random() * 5)
            if way == "never opens":
                await for_ever()
            self._session = session
            yield session
        finally:
            if self._session is session:
                self._session = None
            self.open_sessions -= 1
            if way == "leaves late":
                await asyncio.sleep(mischief.chance.random())
            if way == "leaves badly":
                raise mischief.failure("asr")

    async def warm(self) -> None:
        if self._mischief.pick("ears", "warm fails"):
            raise RuntimeError("on purpose")
        await self._mischief.pause(1)

    async def aclose(self) -> None:
        return


@dataclass
class Mind:
    """A chat model."""

    mischief: Mischief
    open_requests: int = 0

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        assert len(messages) <= 21
        self.open_requests += 1
        leaves_badly = self.mischief.pick("mind", "leaves badly")
        try:
            async for item in self._items():
                yield item
        finally:
            self.open_requests -= 1
            if leaves_badly:
                raise self.mischief.failure("llm")

    async def _items(self) -> AsyncIterator[ChatItem]:
        mischief, chance = self.mischief, self.mischief.chance
        ways = ("refuses", "breaks", "never answers", "falls silent", "crashes", "empty", "blank", "trickles", "flood")
        way = mischief.pick("mind", *ways, "pays nothing", "pays twice", "empty tokens")
        await mischief.pause(2)
        if way == "refuses":
            raise mischief.failure("llm")
        if way == "never answers":
            await for_ever()
        answer = {"empty": "", "blank": " \n ", "flood": "很长很长的话。" * 300}.get(way) or chance.choice(ANSWERS)
        breaks_at = chance.randrange(len(answer) + 1)
        for at in range(0, len(answer), 2):
            if at >= breaks_at and way == "breaks":
                raise mischief.failure("llm")
            if at >= breaks_at and way == "crashes":
                raise RuntimeError("on purpose")
            if at >= breaks_at and way == "falls silent":
                await for_ever()
            if way == "empty tokens":
                yield TextDelta("")
            yield TextDelta(answer[at : at + 2])
            await asyncio.sleep(9 if way == "trickles" else 0.02)
        for _ in range({"pays nothing": 0, "pays twice": 2}.get(way, 1)):
            yield ChatUsage(100, len(answer) // 2)

    async def warm(self) -> None:
        return

    async def aclose(self) -> None:
        return


class Speaking:
    """One synthesis session."""

    def __init__(self, mischief: Mischief, way: str) -> None:
        self._mischief = mischief
        self._way = way
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()

    async def say(self, text: str) -> None:
        if self._way == "say stalls":
            await for_ever()
        if self._way == "say fails":
            raise self._mischief.failure("tts")
        self._texts.put_nowait(text)

    async def finish(self) -> None:
        if self._way == "finish fails":
            raise self._mischief.failure("tts")
        self._texts.put_nowait(None)

    async def cancel(self) -> None:
        self._texts.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[SpeechItem]:
        mischief, way, characters = self._mischief, self._way, 0
        breaks_at = mischief.chance.randrange(40)
        while (text := await self._texts.get()) is not None:
            await mischief.pause(1)
            yield SentenceBegan(text)
            for piece in self._pieces(text):
                characters += 1
                if characters > breaks_at and way == "breaks":
                    raise mischief.failure("tts")
                if characters > breaks_at and way == "crashes":
                    raise RuntimeError("on purpose")
                if characters > breaks_at and way == "falls silent":
                    await for_ever()
                if characters > breaks_at and way == "ends early":
                    return
                yield Sound(piece)
                await asyncio.sleep(1.5 if way == "trickles" else 0.01)
            if way != "never ends a sentence":
                yield SentenceEnded()
            if way == "ends each twice":
                yield SentenceEnded()
        if way == "never finishes":
            await for_ever()
        yield SpeechUsage(characters)

    def _pieces(self, text: str) -> list[bytes]:
        if self._way == "no sound":
            return []
        sizes = {"odd sound": [0, 1, 7, 48_001], "noise": [4096]}.get(self._way, [SOUND_BYTES_PER_CHAR])
        chance = self._mischief.chance
        noise = self._way == "noise"
        return [chance.randbytes(size) if noise else bytes(size) for size in (chance.choice(sizes) for _ in text)]


@dataclass
class Voice:
    """A synthesiser."""

    mischief: Mischief
    takes_tokens: bool = False
    open_sessions: int = 0

    @asynccontextmanager
    async def open(self, _options: SpeechOptions) -> AsyncIterator[Speaking]:
        mischief = self.mischief
        opening = ("refuses", "opens late", "never opens", "leaves late", "leaves badly")
        saying = ("say stalls", "say fails", "finish fails", "breaks", "crashes", "falls silent", "ends early")
        sounding = ("trickles", "never ends a sentence", "ends each twice", "never finishes", "no sound", "odd sound")
        way = mischief.pick("voice", *opening, *saying, *sounding, "noise")
        self.open_sessions += 1
        try:
            if way == "refuses":
                raise mischief.failure("tts")
            if way == "opens late":
                await asyncio.sleep(mischief.chance.random() * 8)
            if way == "never opens":
                await for_ever()
            yield Speaking(mischief, way)
        finally:
            self.open_sessions -= 1
            if way == "leaves late":
                await asyncio.sleep(mischief.chance.random())
            if way == "leaves badly":
                raise mischief.failure("tts")

    async def warm(self, _voice: str) -> None:
        await self.mischief.pause(1)

    async def aclose(self) -> None:
        return
