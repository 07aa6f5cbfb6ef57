"""One reply being spoken: what its two ways share, and the way of one task for all of it."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Final

from backend.errors import ProviderError, ProviderRefused
from backend.ports import SpeechItem, SpeechOptions, SpeechUsage
from backend.providers.dashscope import tts_wire, wire
from backend.providers.dashscope.config import CosyVoiceConfig
from backend.providers.dashscope.instruction import units
from backend.providers.dashscope.task_line import TaskLine
from backend.providers.dashscope.tasks import Task
from backend.providers.dashscope.wire import Event
from backend.providers.narrator import Narrator
from backend.providers.patience import Overdue, Patience
from backend.providers.sentences import is_speakable
from backend.providers.tabs import SpokenTab
from backend.providers.whole_pieces import WholePieces, whole_pieces

_SILENT: Final = "the service finished without any sound: does the voice speak this language, and is it ready?"


class _Cancelled(Exception):  # noqa: N818 - it says what happened
    """The reply was cancelled; whoever waits for sound stops waiting."""


class CosySpeech:
    """What both ways share. Errors are raised to whoever iterates, never to whoever hands text over.

    Attributes:
        line: the task that speaks, which may be replaced.
    """

    def __init__(self, line: TaskLine, config: CosyVoiceConfig) -> None:
        self.line = line
        self._config = config
        self._patience = Patience("tts")
        self._items: deque[SpeechItem] = deque()
        self._billed = 0
        self._of_task = 0
        self._of_text = 0
        self._tab = SpokenTab(config.model)
        line.overhear(self._take_bill)
        self._finishing = False
        self._ended = False

    async def say(self, text: str) -> None:
        """Hand over some more text."""
        raise NotImplementedError

    async def finish(self) -> None:
        """Say that no more text comes."""
        raise NotImplementedError

    async def cancel(self) -> None:
        """Stop speaking at once; iteration ends, and what was not read yet is dropped."""
        self.interrupt()
        await self._tell(self.task.finish(cancel=True))

    def interrupt(self) -> None:
        """End the iteration."""
        self._ended = True
        self._items.clear()
        self._patience.interrupt(_Cancelled())

    def __aiter__(self) -> AsyncIterator[SpeechItem]:
        """Sentence after sentence: its beginning, its sound, its end."""
        return self

    async def __anext__(self) -> SpeechItem:
        """The next item."""
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            try:
                await self._advance()
            except _Cancelled:
                raise StopAsyncIteration from None
            except ProviderError as error:
                raise self._failed(error) from error.__cause__
        return self._items.popleft()

    @property
    def task(self) -> Task:
        """The one that speaks now."""
        return self.line.task

    async def _advance(self) -> None:
        raise NotImplementedError

    async def _waited(self, beginning: Awaitable[None]) -> None:
        """Wait for a task to begin; that has deadlines of its own, so ours pause."""
        self._patience.relax()
        await self._patience.wait(beginning)

    async def _next(self) -> Event | bytes:
        message = await self._patience.wait(self.task.next())
        if isinstance(message, Event):
            self._take_bill(message)
        return message

    def _take_bill(self, event: Event) -> None:
        """Note what the service says of the cost; it may say so after the reply was cancelled too."""
        self._of_task = tts_wire.characters_of(event) or self._of_task
        if event.name == wire.FINISHED:
            self._billed, self._of_task = self._billed + (self._of_task or self._of_text), 0
            self._of_text = 0
        self._tab.counts(self._billed + self._of_task)

    async def _send(self, text: str) -> None:
        self._of_text += units(text)
        await self._tell(self.task.say(text))

    async def _tell(self, message: Coroutine[None, None, None]) -> None:
        with suppress(ProviderError):  # whoever iterates gets it too, and before it the reason, if the service sent one
            await message

    def _conclude(self, *, sounded: bool) -> None:
        if not sounded:
            raise ProviderRefused("tts", _SILENT)
        if self._billed:
            self._items.append(SpeechUsage(self._billed))
        self._ended = True

    def _failed(self, error: ProviderError) -> ProviderError:
        self._ended = True
        self.task.connection.is_poisoned = True
        error.log_id = error.log_id or self.task.connection.log_id
        return error


class StreamedSpeech(CosySpeech):
    """One task for the whole reply; the service cuts sentences and tells them (PCM and MP3).

    Sound is one stream, whose codec may be a moment behind: what comes when a sentence is over begins the next one.

    Args:
        on_untold: called when the service turns out to tell no sentences.
    """

    def __init__(
        self, line: TaskLine, config: CosyVoiceConfig, options: SpeechOptions, on_untold: Callable[[], None]
    ) -> None:
        super().__init__(line, config)
        self._patience.expect("something to say", config.renew_s)
        self._narrator = Narrator()
        self._pieces: WholePieces = whole_pieces(options.audio_format)
        self._on_untold = on_untold
        self._held_text = ""
        self._held_sound = b""
        self._spoke = False
        self._told = False

    async def say(self, text: str) -> None:
        """Hand over some more text; nothing goes up before there is something that can be pronounced."""
        if self._ended or self._finishing:
            return
        self._held_text += text
        if not self._spoke and not is_speakable(self._held_text):
            return
        if not self._narrator.sounded:
            self._patience.expect("the first sound", self._config.first_audio_timeout_s)
        self._spoke = True
        text, self._held_text = self._held_text, ""
        self._narrator.said(text)
        await self._send(text)

    async def finish(self) -> None:
        """Say that no more text comes."""
        if self._ended or self._finishing:
            return
        self._finishing = True
        if not self._spoke:
            self.interrupt()  # nothing to be spoken; the task is cancelled on the way out
            return
        self._expect_more()
        await self._tell(self.task.finish())

    async def _advance(self) -> None:
        try:
            message = await self._next()
        except Overdue:
            if self._spoke and self._patience.is_overdue:
                raise
            await self._renew()
            return
        if isinstance(message, bytes):
            self._sound(self._pieces.feed(message))
        elif message.name == wire.FINISHED:
            self._end()
            return
        elif message.name == wire.RESULT:
            self._follow(message)
        self._expect_more()

    async def _renew(self) -> None:
        """Put a new task in place of one to which no words came in time: the service would soon end it."""
        if self._spoke:  # words came just as the deadline passed
            return
        await self._waited(self.line.renew(lambda: not self._spoke))
        if not self._spoke:
            self._patience.expect("something to say", self._config.renew_s)

    def _follow(self, event: Event) -> None:
        kind = tts_wire.kind_of(event)
        self._told = self._told or kind in (tts_wire.SENTENCE_BEGIN, tts_wire.SENTENCE_END)
        if kind == tts_wire.SENTENCE_BEGIN:
            self._items.extend(self._narrator.begin(tts_wire.sentence_of(event)))
            held, self._held_sound = self._held_sound, b""
            self._items.extend(self._narrator.sound(held))
        elif kind == tts_wire.SENTENCE_END and not (self._finishing and self._narrator.has_told_all):
            self._items.extend(self._narrator.end())

    def _sound(self, data: bytes) -> None:
        if not self._told and not self._narrator.is_open:
            self._on_untold()
            self._items.extend(self._narrator.begin_all())
        if self._told and not self._narrator.is_open and not self._narrator.is_due:
            self._held_sound += data
        else:
            self._items.extend(self._narrator.sound(data))

    def _end(self) -> None:
        if self._narrator.is_open:
            self._items.extend(self._narrator.sound(self._pieces.flush()))
        self._items.extend(self._narrator.end())
        self._conclude(sounded=self._narrator.sounded)

    def _expect_more(self) -> None:
        if self._finishing:
            what = "the rest of the sound" if self._narrator.sounded else "the first sound"
            self._patience.expect(what, self._config.gap_timeout_s)
        elif self._narrator.sounded:
            self._patience.relax()  # the next word is the caller's to say
