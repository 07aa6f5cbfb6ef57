"""One reply: words into voice, voice out to the caller."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, assert_never

from backend.call.reached import split_after
from backend.call.sentences import Chunker
from backend.call.speakable import Speakable
from backend.ended_tasks import forget_its_cancellation
from backend.errors import ProviderError, ProviderTimeout, Stage, first_provider_error
from backend.give_way import AT_ONCE, give_way
from backend.marks import TurnMarks, on_request_sent, on_served
from backend.ports import (
    ChatModel,
    ChatUsage,
    Message,
    Speech,
    SpeechOptions,
    Synthesizer,
    TextDelta,
)
from backend.shell.delivery import Delivery, Listener
from backend.shell.work_time import WorkTime

log = logging.getLogger(__name__)

WORDS_AHEAD: Final = 256
"""Chunks of text that may wait for the synthesiser."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How a reply is cut up and bounded.

    Attributes:
        first_chars: characters after which the first chunk goes to the synthesiser, clause mark or not.
        later_chars: the same for all further chunks.
        lead_ms: how far ahead of the ear streamed sound is sent.
        work_s: that thinking and speaking may take, whatever the services trickle; while what they have made waits to
            be heard, that time stands still.
        reply_s: that a reply may take with all of its sound, whoever is waited for.
    """

    first_chars: int = 8
    later_chars: int = 18
    lead_ms: int = 300
    work_s: float = 180.0
    reply_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is asked for. `trouble` is said where the model has nothing to say because it failed; empty for nothing."""

    messages: Sequence[Message]
    options: SpeechOptions
    delivery: Literal["sentence", "stream"]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the text that reached the caller, to be heard or read, and the error that ended it, if any."""

    text: str
    error: ProviderError | None = None


class Turn:
    """Runs one reply to its end. Cancelling the task that runs it stops the services at once.

    It may be run before it is sure that the caller has finished: until `go` it thinks and opens its voice, but no word
    is spoken and nothing is sent.
    """

    def __init__(
        self, model: ChatModel, synthesizer: Synthesizer, listener: Listener, marks: TurnMarks, limits: TurnLimits
    ) -> None:
        self._model = model
        self._synthesizer = synthesizer
        self._listener = listener
        self._limits = limits
        self.marks = marks
        self.tokens = 0
        self.prompt: Sequence[Message] = ()
        self._allowed = asyncio.Event()
        self._words: asyncio.Queue[str | None] = asyncio.Queue(WORDS_AHEAD)
        self._text: list[str] = []
        self._model_error: ProviderError | None = None
        self._thought = False
        self._all_words = False
        self._heard_out = False

    def go(self) -> None:
        """It is sure: speak."""
        self._allowed.set()

    @property
    def has_failed(self) -> bool:
        """Whether the model has."""
        return self._model_error is not None

    async def run(self, reply: Reply) -> Outcome:
        """Think and speak at the same time; a service's failure ends the reply and is part of the outcome."""
        error: ProviderError | None = None
        self.prompt = reply.messages
        on_served.set(self.marks.serve)
        limits = self._limits
        work = WorkTime(limits.work_s, limits.reply_s)
        delivery = Delivery(self._listener, self.marks, reply.options, reply.delivery, limits.lead_ms, work=work)
        try:
            with work:
                error = await self._think_and_speak(reply, delivery, work)
        except TimeoutError:
            error = self._took_too_long(work)
        text = "".join(self._text)
        if error is not None and self._allowed.is_set():
            text = await self._show_the_rest(text, delivery.announced)
        return Outcome(text, self._model_error or error)

    async def _think_and_speak(self, reply: Reply, delivery: Delivery, work: WorkTime) -> ProviderError | None:
        async with asyncio.TaskGroup() as tasks:
            work_on = (self._think(reply), delivery.run(), self._speak(reply, delivery))
            *_, speaking = begun = [tasks.create_task(part) for part in work_on]
            for task in begun:
                task.add_done_callback(forget_its_cancellation)
            try:
                # waited for, not awaited: it may answer a cancellation with an error of the service that it leaves
                await asyncio.wait([speaking])
                error = speaking.result()
                await delivery.end()
                while error is not None and not self._all_words:
                    await self._next_words()
                work.done()
            finally:
                self._heard_out = True
        return error

    def _took_too_long(self, work: WorkTime) -> ProviderTimeout:
        """The voice, if it is not over or had all words, or more than it takes; else the model."""
        if work.whole_is_over:
            return ProviderTimeout("tts", f"the reply was not over within {self._limits.reply_s:g} s")
        stage: Stage = "tts" if self._thought or self._words.full() else "llm"
        return ProviderTimeout(stage, f"the reply was not made within {self._limits.work_s:g} s")

    # --- words

    async def _think(self, reply: Reply) -> None:
        """Put the model's words, made speakable and cut into chunks, into the queue; then None, whatever happens."""
        speakable = Speakable()
        chunker = Chunker(self._limits.first_chars, self._limits.later_chars, unbatched=self._synthesizer.takes_tokens)
        self.marks.set("request_sent")
        # more exactly, if the adapter can tell; its connection outlives this turn, and may know the marks alone
        on_request_sent.set(partial(self.marks.move, "request_sent"))
        try:
            async with aclosing(self._model.reply(reply.messages)) as items:  # type: ignore[type-var]
                async for item in items:
                    match item:
                        case TextDelta(text):
                            self.tokens += 1
                            self.marks.set("llm_first_token")
                            if self.tokens % AT_ONCE == 0:
                                await give_way()
                            await self._queue(chunker.feed(speakable.feed(text)))
                        case ChatUsage(prompt, completion, cached):
                            self.marks.spend(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
                        case _:
                            assert_never(item)
        except ProviderError as exc:
            if self._heard_out:
                return  # it is cut off, and fails while it is left
            self._model_error = exc  # what was said before it is still spoken
        await self._queue(chunker.feed(speakable.end()))
        await self._queue(chunker.end())
        if self.has_failed and reply.trouble and not self._text:
            await self._queue([reply.trouble])
        self._thought = True
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

    async def _speak(self, reply: Reply, delivery: Delivery) -> ProviderError | None:
        """Say all words; the error if the voice failed."""
        error: ProviderError | None = None
        try:
            async with self._synthesizer.open(reply.options) as speech, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(speech))
                await delivery.take(speech)
        except* ProviderError as failures:
            error = first_provider_error(failures)
        return error

    async def _feed(self, speech: Speech) -> None:
        spoke = False
        while (chunk := await self._next_words()) is not None:
            await self._allowed.wait()
            self.marks.set("tts_first_text")
            spoke = True
            await speech.say(chunk)
        await (speech.finish() if spoke else speech.cancel())

    async def _show_the_rest(self, text: str, announced: Sequence[str]) -> str:
        """Who takes text gets to read what could not be spoken; gives what of the text has reached the caller."""
        told, rest = split_after(text, announced)
        shown = bool(rest.strip()) and await self._listener.show(rest.strip())
        return text if shown else told
