"""Engines that follow the script: deterministic, free, and as slow as they are told to be.

Recognition decides by the audio it has been fed, never by the wall clock, so a test may send faster than real time.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final

import numpy as np

from emulator.engines.base import (
    ChatEngine,
    ChatRequest,
    Heard,
    HearOptions,
    Pcm,
    RecognitionEngine,
    SpeakOptions,
    SynthesisEngine,
)
from emulator.engines.scripted_ears import ScriptedEars
from emulator.prompter import Prompter
from emulator.script import Reply, Tone

RATE_HZ: Final = 24_000

_TOKEN_CHARS: Final = 2


class Pace:
    """Delays one after another, each counted from when the one before was due: what a timer is late does not add up."""

    def __init__(self) -> None:
        self._due = asyncio.get_running_loop().time()

    async def after(self, delay_s: float) -> None:
        """Until so long after the last."""
        self._due += delay_s
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))


class Thought(str):
    """A token that is reasoning, not answer."""

    __slots__ = ()


class ScriptedHearing:
    """One recognition session: what the ears decide, told after the script's delay."""

    def __init__(self, prompter: Prompter, options: HearOptions) -> None:
        self._prompter = prompter
        self._ears = ScriptedEars(prompter, options)
        self._due: asyncio.Queue[tuple[float, Heard] | None] = asyncio.Queue()
        self._definite = 0

    async def feed(self, pcm: bytes) -> None:
        """Some more audio."""
        for heard in self._ears.feed(pcm):
            self._put(heard)

    async def finish(self) -> None:
        """No more audio."""
        self._put(self._ears.finish())
        self._due.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        """Results, in the order of their decision."""
        while (item := await self._due.get()) is not None:
            due, heard = item
            if (wait_s := due - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(wait_s)
            yield heard

    def _put(self, heard: Heard) -> None:
        definite = sum(utterance.definite for utterance in heard.utterances)
        delay_s = self._prompter.delay_s(self._prompter.timing.asr_ms) if definite > self._definite else 0.0
        self._definite = definite
        self._due.put_nowait((asyncio.get_running_loop().time() + delay_s, heard))


class ScriptedRecognition:
    """Ears that hear the script's lines."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    @asynccontextmanager
    async def open(self, options: HearOptions) -> AsyncIterator[ScriptedHearing]:
        """Begin a session."""
        yield ScriptedHearing(self._prompter, options)


class ScriptedSynthesis:
    """A voice that is a tone, as long as the sentence."""

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    def sound_key(self, sentence: str, options: SpeakOptions) -> Hashable:
        """Sentences with equal keys sound alike, piece by piece."""
        return self._prompter.script.tone, len(sentence), options.rate, options.volume

    async def speak(self, sentence: str, options: SpeakOptions) -> AsyncIterator[Pcm]:
        """The tone, in pieces."""
        timing, pace = self._prompter.timing, Pace()
        await pace.after(self._prompter.delay_s(timing.tts_first_byte_ms))
        for place, piece in enumerate(_pieces(self._prompter.script.tone, len(sentence), options.rate, options.volume)):
            if place and timing.tts_piece_ms:
                await pace.after(self._prompter.delay_s(timing.tts_piece_ms))
            yield Pcm(piece, RATE_HZ)


class ScriptedChat:
    """A mind that says its lines, or the user's words."""

    label = "scripted"

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    async def reply(self, request: ChatRequest) -> AsyncIterator[str]:
        """The next line of the script, token by token."""
        pace = Pace()
        reply = self._prompter.claim_reply() or Reply(text=_last_words(request))
        for place, token in enumerate(_tokens(reply)):
            timing = self._prompter.timing
            if delay_ms := timing.token_ms if place else timing.first_token_ms:
                await pace.after(self._prompter.delay_s(delay_ms))
            yield token


class ScriptedEngines:
    """All three; they hold nothing open."""

    def __init__(self, prompter: Prompter) -> None:
        self.recognition: RecognitionEngine = ScriptedRecognition(prompter)
        self.synthesis: SynthesisEngine = ScriptedSynthesis(prompter)
        self.chat: ChatEngine = ScriptedChat(prompter)

    async def aclose(self) -> None:
        """Nothing to end."""


@lru_cache(maxsize=256)
def _pieces(tone: Tone, chars: int, rate: float, volume: float) -> tuple[bytes, ...]:
    samples = round(tone.ms_per_char * max(chars, 1) / rate) * RATE_HZ // 1000
    wave = np.sin(np.arange(samples) * (2 * np.pi * tone.hz / RATE_HZ)) * tone.peak * volume
    pcm = np.clip(wave, -32768, 32767).astype("<i2").tobytes()
    step = tone.piece_ms * RATE_HZ // 1000 * 2
    return tuple(pcm[at : at + step] for at in range(0, len(pcm), step))


def _tokens(reply: Reply) -> tuple[str, ...]:
    text = reply.text
    spoken = reply.tokens or tuple(text[at : at + _TOKEN_CHARS] for at in range(0, len(text), _TOKEN_CHARS))
    return (Thought(reply.thinks), *spoken) if reply.thinks else spoken


def _last_words(request: ChatRequest) -> str:
    said = [message.get("content") for message in request.messages if message.get("role") == "user"]
    return _text(said[-1]) if said else ""


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
