"""One reply being spoken, in the two ways that Doubao's voices work."""

from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress

from backend.errors import ProtocolError, ProviderError, ProviderRefused, ProviderUnavailable
from backend.ports import SpeechItem, SpeechOptions
from backend.protocol.speech import SpeechEvent, SpeechFrame
from backend.providers.patience import Patience
from backend.providers.sentence_line import SentenceLine
from backend.providers.sentences import is_speakable
from backend.providers.tabs import SpokenTab
from backend.providers.volcengine.config import TtsConfig
from backend.providers.volcengine.narration import Bill, Narration, SingleSentence
from backend.providers.volcengine.tts_connection import TtsConnection


class _Cancelled(Exception):  # noqa: N818 - it says what happened
    """The reply was cancelled; whoever waits for sound stops waiting."""


class TtsSpeech:
    """What both ways share. Errors are raised to whoever iterates, never to whoever hands text over.

    Attributes:
        connection: lent by the pool until the reply is over.
    """

    def __init__(self, connection: TtsConnection, options: SpeechOptions, config: TtsConfig) -> None:
        self.connection = connection
        self._options = options
        self._config = config
        self._patience = Patience("tts")
        self._bill = Bill()
        self._tab = SpokenTab(config.billed_as or connection.resource_id)
        self._counted = 0
        self._items: deque[SpeechItem] = deque()
        self._session: str | None = None
        self._cancel_sent = False
        self._ended = False

    async def begin(self) -> None:
        """Start a session, so that the first words find one."""
        self._session = self.connection.new_session()
        await self.connection.start(self._session, self._options)

    async def say(self, text: str) -> None:
        """Hand over some more text."""
        raise NotImplementedError

    async def finish(self) -> None:
        """Say that no more text comes."""
        raise NotImplementedError

    async def cancel(self) -> None:
        """Stop speaking at once; iteration ends, and what was not read yet is dropped."""
        self.interrupt()
        if self._session is not None and self.connection.is_usable and not self._cancel_sent:
            self._cancel_sent = True
            if not await self.connection.cancel(self._session):
                self._session = None

    def interrupt(self) -> None:
        """End the iteration."""
        self._ended = True
        self._items.clear()
        self._patience.interrupt(_Cancelled())

    async def settle(self) -> None:
        """After the end: have the service let go of a session that was not spoken to its end."""
        await self.cancel()
        if self._session is not None and self.connection.is_usable:
            await self.connection.let_go(self._session)

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
            except ProtocolError as exc:
                raise self._failed(ProviderUnavailable("tts", "an event of the service holds no JSON")) from exc
            except ProviderError as error:
                raise self._failed(error) from error.__cause__
        return self._items.popleft()

    async def _advance(self) -> None:
        raise NotImplementedError

    async def _next_frame(self) -> SpeechFrame:
        if self._session is None:
            raise _Cancelled
        frame = await self._patience.wait(self.connection.next_frame(self._session))
        if frame.event == SpeechEvent.SESSION_CANCELED:
            raise ProviderUnavailable("tts", "the service cancelled the session")
        self._bill.take(frame)
        if frame.event == SpeechEvent.SESSION_FINISHED:
            self._session = None
            self._count(0)
        return frame

    async def _send(self, session: str, text: str) -> None:
        """Some text; it is billed although the reply may be cut off."""
        self._count(len(text))
        await self._tell(self.connection.say(session, text))

    def _count(self, more: int) -> None:
        """Bill each character as one, until the service has told its own count at a session's end, which then holds."""
        told = self._bill.told
        self._counted = self._counted + more if more or told is None else told
        self._tab.counts(self._counted)

    async def _tell(self, message: Coroutine[None, None, None]) -> None:
        with suppress(ProviderError):  # whoever iterates gets it too, and before it the reason, if the service sent one
            await message

    def _conclude(self, *, sounded: bool) -> None:
        if not sounded:
            raise ProviderRefused("tts", "the service finished without any sound: does the voice speak this language?")
        self._items.extend(self._bill.items())
        self._ended = True

    def _failed(self, error: ProviderError) -> ProviderError:
        self._ended = True
        self.connection.is_poisoned = True
        error.log_id = error.log_id or self.connection.log_id
        return error


class StreamedSpeech(TtsSpeech):
    """One session for the whole reply; the service cuts sentences and tells them (1.0 voices)."""

    def __init__(self, connection: TtsConnection, options: SpeechOptions, config: TtsConfig) -> None:
        super().__init__(connection, options, config)
        self._narration = Narration()
        self._held = ""
        self._speaking = False
        self._finishing = False

    async def say(self, text: str) -> None:
        """Hand over some more text; nothing goes up before there is something that can be pronounced."""
        if self._ended or self._finishing or self._session is None:
            return
        self._held += text
        if not self._speaking and not is_speakable(self._held):
            return
        if not self._speaking:
            self._patience.expect("the first sound", self._config.first_audio_timeout_s)
        self._speaking = True
        text, self._held = self._held, ""
        self._narration.said(text)
        await self._send(self._session, text)

    async def finish(self) -> None:
        """Say that no more text comes."""
        if self._ended or self._finishing or self._session is None:
            return
        self._finishing = True
        if not self._speaking:
            self.interrupt()  # nothing to be spoken; the session is cancelled on the way out
            return
        if self._narration.sounded:
            self._patience.expect("the rest of the sound", self._config.gap_timeout_s)
        await self._tell(self.connection.finish(self._session))

    async def _advance(self) -> None:
        frame = await self._next_frame()
        self._items.extend(self._narration.take(frame))
        if frame.event == SpeechEvent.SESSION_FINISHED:
            self._conclude(sounded=self._narration.sounded)
        elif self._finishing and self._narration.sounded:
            self._patience.expect("the rest of the sound", self._config.gap_timeout_s)
        elif self._narration.sounded:
            self._patience.relax()  # the next word is the caller's to say


class SentenceSpeech(TtsSpeech):
    """A session for each sentence, one after another on the same connection (2.0 voices, and Opus)."""

    def __init__(self, connection: TtsConnection, options: SpeechOptions, config: TtsConfig) -> None:
        super().__init__(connection, options, config)
        self._line = SentenceLine(self._patience)
        self._current: SingleSentence | None = None
        self._finishing = False
        self._sounded = 0

    async def say(self, text: str) -> None:
        """Hand over some more text; it is spoken as soon as it holds a whole sentence."""
        self._line.say(text)

    async def finish(self) -> None:
        """Say that no more text comes."""
        self._line.finish()

    async def _advance(self) -> None:
        if self._current is None:
            await self._next_sentence()
            return
        frame = await self._next_frame()
        self._items.extend(self._current.take(frame))
        if frame.event == SpeechEvent.SESSION_FINISHED:
            self._sounded += self._current.sounded
            self._current = None
        elif self._current.sounded:
            self._patience.expect("the rest of the sound", self._config.gap_timeout_s)

    async def _next_sentence(self) -> None:
        sentence = await self._line.next()
        if sentence is None:
            self._conclude(sounded=bool(self._sounded) or not self._line.taken)
            return
        await self._speak(sentence)

    async def _speak(self, sentence: str) -> None:
        if self._session is None:
            self._patience.expect("the start of a session", self._config.session_timeout_s)
            await self._patience.wait(self.begin())
        self._current = SingleSentence(sentence)
        self._patience.expect("the first sound", self._config.first_audio_timeout_s)
        if self._session is not None:
            await self._send(self._session, sentence)
            await self._tell(self.connection.finish(self._session))
