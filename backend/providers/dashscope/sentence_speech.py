"""One reply being spoken by a task for each sentence."""

from backend.ports import SentenceBegan, SentenceEnded, Sound
from backend.providers.dashscope import wire
from backend.providers.dashscope.config import CosyVoiceConfig
from backend.providers.dashscope.speech import CosySpeech
from backend.providers.dashscope.task_line import TaskLine
from backend.providers.sentence_line import SentenceLine


class SentenceSpeech(CosySpeech):
    """A task for each sentence, one after another (Opus, and a service that tells no sentences)."""

    def __init__(self, line: TaskLine, config: CosyVoiceConfig) -> None:
        super().__init__(line, config)
        self._line = SentenceLine(self._patience)
        self._current: str | None = None
        self._is_open = False
        self._sounded = 0

    async def say(self, text: str) -> None:
        """Hand over some more text; it is spoken as soon as it holds a whole sentence."""
        self._line.say(text)

    async def finish(self) -> None:
        """Say that no more text comes."""
        self._finishing = True
        self._line.finish()

    async def _advance(self) -> None:
        if self._current is None:
            await self._next_sentence()
            return
        message = await self._next()
        if isinstance(message, bytes):
            self._sound(message)
        elif message.name == wire.FINISHED:
            self._items.extend([SentenceEnded()] if self._is_open else [])
            self._current, self._is_open = None, False

    def _sound(self, data: bytes) -> None:
        if not data or self._current is None:
            return
        if not self._is_open:
            self._is_open = True
            self._sounded += 1
            self._items.append(SentenceBegan(self._current))
        self._items.append(Sound(data))
        self._patience.expect("the rest of the sound", self._config.gap_timeout_s)

    async def _next_sentence(self) -> None:
        sentence = await self._line.next()
        if sentence is None:
            self._conclude_all()
            return
        await self._speak(sentence)

    def _conclude_all(self) -> None:
        if not self._line.taken:
            self.interrupt()  # nothing to be spoken; the task is cancelled on the way out
        else:
            self._conclude(sounded=bool(self._sounded))

    async def _speak(self, sentence: str) -> None:
        if self.task.age_s > self._config.renew_s:  # the service has given it up, or its connection, or is about to
            await self._waited(self.line.renew(_surely))
        elif not self.task.is_running:
            await self._waited(self.line.begin())
        self._current = sentence
        self._patience.expect("the first sound", self._config.first_audio_timeout_s)
        await self._send(sentence)
        await self._tell(self.task.finish())


def _surely() -> bool:
    """The new task is always wanted: it is asked for in order to speak at once."""
    return True
