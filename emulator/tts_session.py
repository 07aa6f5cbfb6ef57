"""One synthesis: text in pieces, sentences and sound out."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, cast

from backend.protocol.frames import well_formed
from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import STATUS_OK, SpeechEvent, SpeechFrame
from emulator.engines.base import Pcm
from emulator.house import House
from emulator.known_sound import KnownSound, KnownStream, name_of
from emulator.link import Link, fault_code
from emulator.script import Fault, Kind
from emulator.sentences import SentenceCutter
from emulator.tts_request import SessionFailure, TtsRequest

TEXT_LIMIT: Final = 40402003
NO_READABLE_TEXT: Final = 45002001

_PIECE_MS: Final = 200
_WORD: Final = re.compile(r"[A-Za-z0-9'’-]+|\w")
_KNOWN: Final = KnownSound()
"""Shared by all connections: the scripted tones are few."""


class TtsSession:
    """From the first text to SessionFinished. Text may be taken while it runs."""

    def __init__(self, house: House, link: Link, ident: str, asked: TtsRequest, fault: Fault | None) -> None:
        self.ident = ident
        self._house = house
        self._link = link
        self._asked = asked
        self._fault = fault
        self._voice_ident = ident
        self._cutter = SentenceCutter()
        self._sentences: asyncio.Queue[str | None] = asyncio.Queue()
        self._text = ""
        self._spoken_ms = 0.0
        self._sounded = False
        self._joined: KnownStream | None = None
        self._ahead: list[str | None] = []
        self._rate_hz = 0

    def take(self, text: str) -> None:
        """Some more text.

        Raises:
            SessionFailure: more than one session may speak.
        """
        self._text += text
        self._house.invoice.speaks(self._link.header("X-Api-Resource-Id"), len(text))
        if len(self._text) > self._house.script.limits.tts_text_chars:
            raise SessionFailure(TEXT_LIMIT, "TTSExceededTextLimit")
        self._put(self._cutter.feed(text))

    def finish(self) -> None:
        """No more text."""
        self._put(self._cutter.flush())
        self._sentences.put_nowait(None)

    def _put(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._sentences.put_nowait(sentence)

    async def speak(self) -> None:
        """Speak all text, until there is no more.

        Raises:
            SessionFailure: as the script says, or there was nothing to read.
            VendorError, HungUp: of the connection.
        """
        spoken = await (self._speak_as_one() if self._asked.second else self._speak_in_pairs())
        if self._text and not spoken:
            raise SessionFailure(NO_READABLE_TEXT, "no readable text")

    def status(self) -> dict[str, Any]:
        """The payload of the session's last event, with what it cost when the client wants to know."""
        status: dict[str, Any] = {"status_code": STATUS_OK, "message": "ok"}
        wanted = self._link.header("X-Control-Require-Usage-Tokens-Return")
        if {"*", "text_words"} & {kind.strip() for kind in wanted.split(",")}:
            status["usage"] = {"text_words": len(self._text)}
        return status

    async def misbehave(self, at: str) -> None:
        """Do what the script says, if it is due now."""
        if self._fault is None or self._fault.at != at:
            return
        fault, self._fault = self._fault, None
        if fault.kind is Kind.FAIL:
            self._house.stats.struck(fault)
            raise SessionFailure(fault_code(fault), fault.message)
        if fault.kind is Kind.WRONG_SESSION:
            self._voice_ident = f"not-{self.ident}"
        if fault.kind is Kind.WRONG_ORDER:
            await self.say(SpeechEvent.SESSION_FINISHED, self.status())
        await self._link.misbehave(fault)

    async def say(self, event: SpeechEvent, payload: dict[str, Any]) -> None:
        """Send one event of this session."""
        await self._link.send(event_frame(event, self._voice_ident, payload))

    async def _speak_in_pairs(self) -> bool:
        spoken = False
        async for sentence in self._next_sentences():
            spoken = True
            await self.say(SpeechEvent.SENTENCE_START, _sentence(sentence))
            began_ms = self._spoken_ms
            await self._sound(sentence)
            words = self._words(sentence, began_ms) if self._asked.timestamps else []
            await self.say(SpeechEvent.SENTENCE_END, _sentence(sentence, words))
        return spoken

    async def _speak_as_one(self) -> bool:
        """2.0 voices: one pair around all sound; its text comes at the end, and subtitles between."""
        spoken = False
        async for sentence in self._next_sentences():
            if not spoken:
                await self.say(SpeechEvent.SENTENCE_START, _sentence(""))
            spoken = True
            began_ms = self._spoken_ms
            await self._sound(sentence)
            if self._asked.timestamps:
                await self.say(SpeechEvent.SUBTITLE, _sentence(sentence, self._words(sentence, began_ms)))
        if spoken:
            await self._end_stream()
            await self.say(SpeechEvent.SENTENCE_END, _sentence(well_formed(self._text).strip()))
        return spoken

    async def _next_sentences(self) -> AsyncIterator[str]:
        while (sentence := self._ahead.pop() if self._ahead else await self._sentences.get()) is not None:
            yield sentence

    async def _sound(self, sentence: str) -> None:
        stream = self._stream()
        name, place = name_of(self._house.loaded.synthesis, sentence, self._asked.speak), 0
        async with aclosing(self._pieces(sentence)) as pieces:
            async for pcm in pieces:
                self._rate_hz = pcm.sample_rate_hz
                self._spoken_ms += len(pcm.data) / 2 / pcm.sample_rate_hz * 1000
                await self._emit(stream.feed(pcm, name and (name, place)), sentence)
                place += 1
        await self._fall_silent(stream, sentence)
        if stream is not self._joined:
            await self._emit(stream.flush(), sentence)

    async def _fall_silent(self, stream: KnownStream, sentence: str) -> None:
        """The silence at the end of all text, if it was asked for: only what follows tells whether this is the end."""
        if not self._asked.silence_ms:
            return
        self._ahead.append(await self._sentences.get())
        if self._ahead[0] is not None or not self._rate_hz:
            return
        for at_ms in range(0, self._asked.silence_ms, _PIECE_MS):
            ms = min(_PIECE_MS, self._asked.silence_ms - at_ms)
            silence = Pcm(bytes(2 * (ms * self._rate_hz // 1000)), self._rate_hz)
            await self._emit(stream.feed(silence, ("silence", ms, self._rate_hz)), sentence)

    def _stream(self) -> KnownStream:
        """One stream per sentence; one per session where streams cannot simply be joined."""
        sound = self._asked.sound
        if self._asked.second and sound.audio_format == "ogg_opus":
            self._joined = self._joined or _KNOWN.stream(sound)
            return self._joined
        return _KNOWN.stream(sound)

    async def _end_stream(self) -> None:
        if self._joined is not None:
            await self._emit(self._joined.flush(), "")

    async def _pieces(self, sentence: str) -> AsyncGenerator[Pcm, None]:
        sound = self._house.loaded.synthesis.speak(sentence, self._asked.speak)
        async with aclosing(cast("AsyncGenerator[Pcm, None]", sound)) as pieces:
            async for pcm in pieces:
                step = _PIECE_MS * pcm.sample_rate_hz // 1000 * 2
                for at in range(0, len(pcm.data), step):
                    yield Pcm(pcm.data[at : at + step], pcm.sample_rate_hz)

    async def _emit(self, data: bytes, sentence: str) -> None:
        if not data:
            return
        first, self._sounded = not self._sounded, True
        if first:
            await self.misbehave("sound")
            self._house.stats.stamp("first_audio", self.ident, sentence)
        await self._link.send(
            SpeechFrame(MessageType.SERVER_AUDIO, data, event=SpeechEvent.AUDIO, ident=self._voice_ident)
        )
        if first:
            await self.misbehave("mid")

    def _words(self, sentence: str, began_ms: float) -> list[dict[str, Any]]:
        """Words in seconds from the session's start, spread evenly: an engine knows only how long the sentence is."""
        words = _WORD.findall(sentence)
        step_s = (self._spoken_ms - began_ms) / 1000 / max(len(words), 1)
        edges = [round(began_ms / 1000 + step_s * place, 3) for place in range(len(words) + 1)]
        return [
            {"confidence": 1.0, "endTime": end, "startTime": start, "word": word}
            for word, start, end in zip(words, edges, edges[1:], strict=False)
        ]


def event_frame(event: SpeechEvent, ident: str, payload: dict[str, Any]) -> SpeechFrame:
    """A server's JSON event."""
    return SpeechFrame(
        MessageType.SERVER_RESPONSE, json_bytes(payload), serialization=Serialization.JSON, event=event, ident=ident
    )


def _sentence(text: str, words: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"phonemes": [], "text": text, "words": words or []}
