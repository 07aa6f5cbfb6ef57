"""Streaming synthesis by CosyVoice: tasks on kept connections."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from backend.ports import Speech, SpeechOptions
from backend.providers import emotions
from backend.providers.dashscope import tts_wire
from backend.providers.dashscope.config import CosyVoiceConfig
from backend.providers.dashscope.sentence_speech import SentenceSpeech
from backend.providers.dashscope.speech import CosySpeech, StreamedSpeech
from backend.providers.dashscope.task_line import TaskLine
from backend.providers.dashscope.tasks import Tasks

log = logging.getLogger(__name__)


class CosyVoiceSynthesizer:
    """`Synthesizer` over CosyVoice; its connections outlive a turn and are shared by calls."""

    def __init__(self, config: CosyVoiceConfig) -> None:
        self.takes_tokens = config.takes_tokens
        self._config = config
        self._tasks = Tasks("tts", config.socket)
        self._tells_sentences = True
        self._unfelt = emotions.Unfelt()

    async def warm(self, voice: str) -> None:
        """Have a connection ready, unless one is; it serves any voice. Never raises ours."""
        await self._tasks.warm()

    def open(self, options: SpeechOptions) -> AbstractAsyncContextManager[Speech]:
        """One session, its first task begun. Leaving the block early cancels it; the connection is kept."""
        return self._speech(options)

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._tasks.aclose()

    @asynccontextmanager
    async def _speech(self, options: SpeechOptions) -> AsyncIterator[Speech]:
        speech = await self._begin(options)
        try:
            yield speech
        finally:
            speech.interrupt()
            speech.line.leave()

    async def _begin(self, options: SpeechOptions) -> CosySpeech:
        run = tts_wire.run(self._config, options)
        told = str(run.parameters.get("instruction", ""))
        self._unfelt.note(options.voice, options.emotion, told)
        self._unfelt.note_instruction(options.voice, self._config.instruction, told)
        task = await self._tasks.begin(run)
        line = TaskLine(task, self._tasks, run)
        if options.audio_format == "opus" or not self._tells_sentences:
            return SentenceSpeech(line, self._config)
        return StreamedSpeech(line, self._config, options, self._note_untold)

    def _note_untold(self) -> None:
        """The service tells no sentences: from now on each gets a task of its own."""
        log.info("tts.no_sentence_events")
        self._tells_sentences = False
