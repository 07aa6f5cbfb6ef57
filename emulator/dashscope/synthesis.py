"""CosyVoice's streaming synthesis as a task: text in pieces, one stream of sound out.

Source: docs "cosyvoice-client-events", "cosyvoice-server-events"; the fact sheet's flow.
"""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any, ClassVar, Final, cast

from emulator.dashscope.link import Link
from emulator.dashscope.speaking import Asked, parse, units
from emulator.dashscope.tasks import Beginning
from emulator.dashscope.wire import INVALID_PARAMETER, NO_TASK, Command, TaskFailure
from emulator.engines.base import Pcm
from emulator.house import House
from emulator.known_sound import KnownSound, name_of
from emulator.script import Kind, Service
from emulator.sentences import SentenceCutter, spoken

MOST_UNITS: Final = 20_000
MOST_UNITS_OF_TASK: Final = 200_000

_SLICE_BYTES: Final = 8000
_WAV_HEADER_BYTES: Final = 44
_KNOWN: Final = KnownSound()
"""Shared by all connections: the scripted tones are few."""


def begin(house: House, link: Link, command: Command) -> "Synthesis":
    """The task that a run-task begins.

    Raises:
        TaskFailure: the service would not begin it.
    """
    beginning = Beginning(house, link, "tts", command)
    return Synthesis(house, link, beginning, parse(command, house.voices.ready()), str(command.payload["model"]))


class Synthesis:
    """One task. Text may be taken while it speaks."""

    service: ClassVar[Service] = "tts"

    def __init__(self, house: House, link: Link, beginning: Beginning, asked: Asked, model: str) -> None:
        self.task_id = beginning.task_id
        self.started = False
        self.busy = False
        self._voice_id = beginning.task_id
        self._house = house
        self._link = link
        self._asked = asked
        self._beginning = beginning
        self._model = model
        self._record = beginning.record
        self._record.update(texts=[], cancelled=False)
        self._cutter = SentenceCutter()
        self._sentences: asyncio.Queue[str | None] = asyncio.Queue()
        self._speaking: asyncio.Future[None] | None = None
        self._stream = _Stream(asked)
        self._held: tuple[str, list[dict[str, Any]]] | None = None
        self._index = 0
        self._units = 0
        self._billed = 0
        self._texts = 0
        self._spoken_ms = 0.0
        self._sounded = False

    async def run(self) -> dict[str, Any]:
        """Speak until all text is spoken, or the client cancels."""
        self.started = True
        await self._beginning.start()
        self._speaking = asyncio.ensure_future(self._speak())
        try:
            await asyncio.wait({self._speaking})
        finally:
            self._speaking.cancel()
            self._speaking.add_done_callback(_seen)
        if not self._speaking.cancelled():
            self._speaking.result()
        return {"output": {"sentence": {"words": []}}, "usage": {"characters": self._billed}}

    async def audio(self, data: bytes) -> None:
        """Nothing that a voice could hear."""
        raise TaskFailure(INVALID_PARAMETER, "Invalid payload data")

    async def more(self, command: Command) -> None:
        """Some more text, or the wish to have what came so far spoken now."""
        text, flush = command.input.get("text"), command.input.get("flush") is True
        if not isinstance(text, str) and not flush:
            raise TaskFailure(INVALID_PARAMETER, NO_TASK)
        if isinstance(text, str) and text:
            self._take(text)
        if flush:
            self._put(self._cutter.flush())

    async def finish(self, command: Command) -> None:
        """No more text comes, or no more sound is wanted."""
        if command.input.get("directive") == "cancel":
            self._record["cancelled"] = True
            if self._speaking is not None:
                self._speaking.cancel()
            return
        if not self._texts:
            raise TaskFailure(INVALID_PARAMETER, "Please ensure input text is valid.")
        self._record["finished"] = self.busy = True
        self._put(self._cutter.flush())
        self._sentences.put_nowait(None)

    def _take(self, text: str) -> None:
        plain = spoken(text) if self._asked.single and text.lstrip().startswith("<speak") else text
        self._texts += 1
        self._units += units(plain)
        self._record["texts"].append(text)
        if self._asked.single and self._texts > 1:
            raise TaskFailure(INVALID_PARAMETER, "Text request limit violated, expected 1.")
        if units(plain) > MOST_UNITS or self._units > MOST_UNITS_OF_TASK:
            raise TaskFailure(INVALID_PARAMETER, "Please ensure input text is valid.")
        self._put(self._cutter.feed(plain))

    def _put(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._sentences.put_nowait(sentence)

    async def _speak(self) -> None:
        while (sentence := await self._sentences.get()) is not None:
            await self._end_sentence()
            self.busy = True
            await self._say("sentence-begin", original_text=sentence)
            began_ms = self._spoken_ms
            await self._sound(sentence)
            self._billed += units(sentence)
            self._house.invoice.speaks(self._model, units(sentence))
            self._held = sentence, self._words(sentence, began_ms) if self._asked.timestamps else []
            if not self._stream.is_one:
                await self._emit(self._stream.flush(), sentence)
                await self._end_sentence()
            self.busy = bool(self._record["finished"]) or not self._sentences.empty()
        await self._emit(self._stream.flush(), "")
        await self._end_sentence()

    async def _end_sentence(self) -> None:
        """Tell the last sentence's end; where the stream is one, only what follows tells which sound was its last."""
        if self._held is not None:
            (sentence, words), self._held = self._held, None
            await self._say("sentence-end", words, original_text=sentence)
            self._index += 1

    async def _sound(self, sentence: str) -> None:
        name, place = name_of(self._house.loaded.synthesis, sentence, self._asked.speak), 0
        async with aclosing(self._pieces(sentence)) as pieces:
            async for pcm in pieces:
                self._spoken_ms += len(pcm.data) / 2 / pcm.sample_rate_hz * 1000
                await self._emit(self._stream.feed(pcm, name and (name, place)), sentence)
                place += 1

    async def _pieces(self, sentence: str) -> AsyncGenerator[Pcm, None]:
        sound = self._house.loaded.synthesis.speak(sentence, self._asked.speak)
        async with aclosing(cast("AsyncGenerator[Pcm, None]", sound)) as pieces:
            async for pcm in pieces:
                yield pcm

    async def _emit(self, data: bytes, sentence: str) -> None:
        for at in range(0, len(data), _SLICE_BYTES):
            first, self._sounded = not self._sounded, True
            if first:
                await self._beginning.misbehave("sound")
                self._house.stats.stamp("first_audio", self.task_id, sentence)
            await self._say("sentence-synthesis")
            await self._link.audio(data[at : at + _SLICE_BYTES])
            if first:
                fault = await self._beginning.misbehave("mid")
                if fault is not None and fault.kind is Kind.WRONG_SESSION:
                    self._voice_id = f"not-{self.task_id}"

    async def _say(self, kind: str, words: list[dict[str, Any]] | None = None, **said: Any) -> None:
        output = {"sentence": {"index": self._index, "words": words or []}, "type": kind, **said}
        payload: dict[str, Any] = {"output": output}
        if kind == "sentence-end":
            payload["usage"] = {"characters": self._billed}
        await self._link.event("result-generated", self._voice_id, payload)

    def _words(self, sentence: str, began_ms: float) -> list[dict[str, Any]]:
        """One per character, spread evenly: an engine knows only how long the sentence is."""
        chars = [(at, char) for at, char in enumerate(sentence) if char.isalnum()]
        step_ms = (self._spoken_ms - began_ms) / max(len(chars), 1)
        return [
            {
                "text": char,
                "begin_index": at,
                "end_index": at + 1,
                "begin_time": round(began_ms + step_ms * place),
                "end_time": round(began_ms + step_ms * (place + 1)),
            }
            for place, (at, char) in enumerate(chars)
        ]


def _seen(speaking: "asyncio.Future[None]") -> None:
    """Nobody may be left to be told how it ended."""
    if not speaking.cancelled():
        speaking.exception()


class _Stream:
    """The sound of a whole task as one stream; WAV has its header once, of a length that nobody knows yet.

    Attributes:
        is_one: it cannot be flushed and then go on (Ogg); the others can be joined of parts.
    """

    def __init__(self, asked: Asked) -> None:
        self._wanted = asked.sound
        self._encoded = _KNOWN.stream(asked.sound)
        self.is_one = asked.sound.audio_format == "ogg_opus"
        self._is_wav = asked.sound.audio_format == "wav"
        self._fed = False
        self._begun = False

    def feed(self, pcm: Pcm, piece: Hashable | None) -> bytes:
        """Take some more, named where it has a name; gives what is encoded by now."""
        self._fed = True
        return self._joined(self._encoded.feed(pcm, piece))

    def flush(self) -> bytes:
        """What is still to come of all that was fed; nothing where nothing was."""
        if not self._fed:
            return b""
        rest, self._fed = self._encoded.flush(), False
        self._encoded = _KNOWN.stream(self._wanted)
        return self._joined(rest)

    def _joined(self, data: bytes) -> bytes:
        if not self._is_wav or not data:
            return data
        begun, self._begun = self._begun, True
        if begun:
            return data[_WAV_HEADER_BYTES:]
        unknown = b"\xff\xff\xff\xff"
        return data[:4] + unknown + data[8:40] + unknown + data[_WAV_HEADER_BYTES:]
