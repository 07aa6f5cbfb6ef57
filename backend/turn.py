"""One reply: words into voice, voice out to the caller."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Literal, Protocol, assert_never

from backend.call.sentences import Chunker
from backend.call.speakable import Speakable
from backend.errors import ProviderError, ProviderTimeout, first_provider_error
from backend.marks import TurnMarks
from backend.ports import (
    ChatModel,
    ChatUsage,
    Message,
    SentenceBegan,
    SentenceEnded,
    Sound,
    Speech,
    SpeechOptions,
    SpeechUsage,
    Synthesizer,
    TextDelta,
)

log = logging.getLogger(__name__)

WORDS_AHEAD: Final = 256
"""Chunks of text that may wait for the synthesiser."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How a reply is cut up and bounded.

    Attributes:
        first_chars: characters after which the first chunk goes to the synthesiser, clause mark or not.
        later_chars: the same for all further chunks.
        reply_s: no reply takes longer than this, whatever the services trickle.
    """

    first_chars: int = 8
    later_chars: int = 18
    reply_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is asked for."""

    messages: Sequence[Message]
    options: SpeechOptions
    delivery: Literal["sentence", "stream"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the text that was made, and the error that ended it, if one did."""

    text: str
    error: ProviderError | None = None


class Listener(Protocol):
    """Where a reply goes: sentences and their sound, in speaking order."""

    async def say(self, sentence: str) -> None:
        """The sound that follows speaks this."""

    async def sound(self, data: bytes) -> None:
        """One audio frame."""


class Turn:
    """Runs one reply to its end. Cancelling the task that runs it stops the services at once."""

    def __init__(
        self, model: ChatModel, synthesizer: Synthesizer, listener: Listener, marks: TurnMarks, limits: TurnLimits
    ) -> None:
        self._model = model
        self._synthesizer = synthesizer
        self._listener = listener
        self._marks = marks
        self._limits = limits
        self._words: asyncio.Queue[str | None] = asyncio.Queue(WORDS_AHEAD)
        self._text: list[str] = []
        self._announced = 0
        self._model_error: ProviderError | None = None
        self._voice_error: ProviderError | None = None
        self._all_words = False

    async def run(self, reply: Reply) -> Outcome:
        """Think and speak at the same time; a service's failure ends the reply and is part of the outcome."""
        error: ProviderError | None = None
        try:
            async with asyncio.timeout(self._limits.reply_s):
                error = await self._think_and_speak(reply)
        except TimeoutError:
            error = ProviderTimeout("llm", f"the reply was not finished within {self._limits.reply_s:g} s")
        return Outcome("".join(self._text), self._model_error or error)

    async def _think_and_speak(self, reply: Reply) -> ProviderError | None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._think(reply.messages))
                tasks.create_task(self._speak(reply))
        except* ProviderError as failures:
            self._voice_error = first_provider_error(failures)
        return self._voice_error

    # --- words

    async def _think(self, messages: Sequence[Message]) -> None:
        """Put the model's words, made speakable and cut into chunks, into the queue; then None, whatever happens."""
        speakable = Speakable()
        chunker = Chunker(self._limits.first_chars, self._limits.later_chars, unbatched=self._synthesizer.takes_tokens)
        self._marks.set("request_sent")
        try:
            async with aclosing(self._model.reply(messages)) as items:  # type: ignore[type-var]
                async for item in items:
                    match item:
                        case TextDelta(text):
                            self._marks.set("llm_first_token")
                            await self._queue(chunker.feed(speakable.feed(text)))
                        case ChatUsage(prompt, completion, cached):
                            self._marks.spend(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
                        case _:
                            assert_never(item)
        except ProviderError as exc:
            self._model_error = exc  # what was said before it is still spoken
        await self._queue(chunker.feed(speakable.end()))
        await self._queue(chunker.end())
        await self._words.put(None)

    async def _queue(self, chunks: Sequence[str]) -> None:
        for chunk in chunks:
            self._text.append(chunk)
            await self._words.put(chunk)

    async def _next_words(self) -> str | None:
        chunk = await self._words.get()
        self._all_words = chunk is None
        return chunk

    # --- voice

    async def _speak(self, reply: Reply) -> None:
        try:
            async with self._synthesizer.open(reply.options) as speech, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(speech))
                deliver = self._deliver_stream if reply.delivery == "stream" else self._deliver_sentences
                await deliver(speech)
        except* ProviderError as failures:
            await self._fall_silent(reply, first_provider_error(failures))

    async def _feed(self, speech: Speech) -> None:
        spoke = False
        while (chunk := await self._next_words()) is not None:
            self._marks.set("tts_first_text")
            spoke = True
            await speech.say(chunk)
        await (speech.finish() if spoke else speech.cancel())

    async def _deliver_sentences(self, speech: Speech) -> None:
        """One audio frame a sentence, whole."""
        sentence, pieces = "", list[bytes]()
        async for item in speech:
            match item:
                case SentenceBegan(text):
                    sentence, pieces = text, []
                case Sound(data):
                    self._marks.set("tts_first_byte")
                    pieces.append(data)
                case SentenceEnded():
                    if pieces:
                        await self._send(sentence, b"".join(pieces))
                    pieces = []
                case SpeechUsage():
                    self._count(item)
                case _:
                    assert_never(item)

    async def _deliver_stream(self, speech: Speech) -> None:
        """Sound as it comes; its sentence is said just before the first of it."""
        sentence: str | None = None
        async for item in speech:
            match item:
                case SentenceBegan(text):
                    sentence = text
                case Sound(data):
                    self._marks.set("tts_first_byte")
                    await self._send(sentence, data)
                    sentence = None
                case SentenceEnded():
                    sentence = None
                case SpeechUsage():
                    self._count(item)
                case _:
                    assert_never(item)

    async def _send(self, sentence: str | None, sound: bytes) -> None:
        if sentence is not None:
            self._announced += len(sentence)
            await self._listener.say(sentence)
        await self._listener.sound(sound)
        self._marks.set("first_audio")

    def _count(self, usage: SpeechUsage) -> None:
        self._marks.spend(tts_characters=usage.characters)

    async def _fall_silent(self, reply: Reply, error: ProviderError) -> None:
        """The voice failed: let the model finish, and give a client that streams the text it would have heard."""
        while not self._all_words:
            await self._next_words()
        unheard = "".join(self._text)[self._announced :].strip()
        if unheard and reply.delivery == "stream":
            await self._listener.say(unheard)
        raise error
