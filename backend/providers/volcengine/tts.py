"""Bidirectional synthesis by Doubao."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from backend.errors import ProviderError
from backend.give_way import give_way
from backend.ports import Speech, SpeechOptions
from backend.providers import emotions
from backend.providers.chores import Chores
from backend.providers.patience import Patience, bounded, note_answer, retried
from backend.providers.pool import Pool, PoolLimits
from backend.providers.volcengine import tts_wire
from backend.providers.volcengine.config import SpeechCredentials, TtsConfig
from backend.providers.volcengine.tts_connection import TtsConnection, connect
from backend.providers.volcengine.tts_session import SentenceSpeech, StreamedSpeech, TtsSpeech

log = logging.getLogger(__name__)

RETURN_S: Final = 0.3
"""How long a new session waits for a connection whose last one is being cancelled: less than a handshake takes."""


class VolcengineSynthesizer:
    """`Synthesizer` over Doubao's bidirectional synthesis; its connections outlive a turn and are shared by calls."""

    def __init__(self, credentials: SpeechCredentials, config: TtsConfig) -> None:
        self.takes_tokens = config.takes_tokens
        self._credentials = credentials
        self._config = config
        self._chores = Chores()
        self._unfelt = emotions.Unfelt()
        limits = PoolLimits(config.max_connections, config.acquire_timeout_s, config.idle_close_s, config.idle_renew_s)
        self._returning: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._warming: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._pool: Pool[TtsConnection] = Pool("tts", self._connect, limits, self._chores)

    async def warm(self, voice: str) -> None:
        """Have a connection ready for a voice, so that the first turn pays no handshake; never raises ours.

        It is kept as long as one that was used. A connection on which a reply is being spoken does not count.
        """
        resource_id = self._config.resource_for(voice)
        if self._pool.has_idle(resource_id) or not self._pool.has_room:
            return
        warming = self._warming[resource_id]
        task = self._chores.begin(self._warm(resource_id))
        warming.add(task)
        task.add_done_callback(warming.discard)
        await asyncio.wait([task])

    def open(self, options: SpeechOptions) -> AbstractAsyncContextManager[Speech]:
        """One session. Leaving the block early cancels it; the connection behind it is kept for the next one.

        An idle connection that turns out to be dead is replaced in silence; a failed opening is tried once more,
        unless the service said no or took too long.
        """
        return self._speech(options)

    async def aclose(self) -> None:
        """Let go of every connection."""
        for task in set[asyncio.Task[None]]().union(*self._warming.values()):
            task.cancel()
        await self._chores.aclose()
        await self._pool.aclose()
        await self._chores.aclose()

    @asynccontextmanager
    async def _speech(self, options: SpeechOptions) -> AsyncIterator[Speech]:
        speech = await bounded("tts", "a session", self._config.opening_timeout_s, self._begin(options))
        try:
            yield speech
        finally:
            self._leave(speech)

    async def _begin(self, options: SpeechOptions) -> TtsSpeech:
        resource_id = self._config.resource_for(options.voice)
        self._unfelt.note(options.voice, options.emotion, emotions.doubao(options.voice, options.emotion))
        if not self._pool.has_idle(resource_id):
            await self._wait_for_one(resource_id)
        if self._pool.has_idle(resource_id):
            try:
                return await self._start(options, resource_id, fresh=False)
            except ProviderError as error:
                note_answer(error)
                log.info("tts.stale_connection", extra={"reason": str(error)})
        return await retried(
            lambda: self._start(options, resource_id, fresh=True),
            self._config.retry_backoff_s,
        )

    async def _wait_for_one(self, resource_id: str) -> None:
        """Where a connection is about to be free, that comes sooner than a handshake."""
        if warming := self._warming[resource_id]:
            await asyncio.wait([warming.pop()], timeout=self._config.reuse_timeout_s)
        elif returning := self._returning[resource_id]:
            await asyncio.wait(returning, timeout=RETURN_S, return_when=asyncio.FIRST_COMPLETED)

    async def _warm(self, resource_id: str) -> None:
        try:
            self._pool.give_back(await self._pool.take(resource_id, fresh=True))
        except ProviderError as error:
            log.info("tts.not_warm", extra={"reason": str(error)})

    async def _start(self, options: SpeechOptions, resource_id: str, *, fresh: bool) -> TtsSpeech:
        connection = await self._pool.take(resource_id, fresh=fresh)
        by_sentence = tts_wire.speaks_by_sentence(resource_id, options)
        speech = (SentenceSpeech if by_sentence else StreamedSpeech)(connection, options, self._config)
        within_s = self._config.reuse_timeout_s if connection.has_idled else self._config.session_timeout_s
        patience = Patience("tts")
        patience.expect("the start of a session", within_s)
        try:
            await patience.wait(speech.begin())
        except BaseException:
            connection.is_poisoned = True
            self._pool.give_back(connection)
            raise
        return speech

    async def _connect(self, resource_id: str) -> TtsConnection:
        return await connect(self._credentials, self._config, resource_id, self._chores)

    def _leave(self, speech: TtsSpeech) -> None:
        """Give the connection back as soon as the service has let go of its session."""
        speech.interrupt()
        returning = self._returning[speech.connection.resource_id]
        task = self._chores.begin(self._settle(speech))
        returning.add(task)
        task.add_done_callback(returning.discard)

    async def _settle(self, speech: TtsSpeech) -> None:
        try:
            await give_way()
            await speech.settle()
        except asyncio.CancelledError:
            speech.connection.is_poisoned = True
            raise
        finally:
            self._pool.give_back(speech.connection)
