"""Streaming recognition by Doubao: one WebSocket a session, opened ahead of it where a call has announced one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from backend.ports import Recognition
from backend.providers.chores import Chores
from backend.providers.reserve import ReserveLimits
from backend.providers.sockets import ServiceSocket, SocketLimits, dial
from backend.providers.spares import Spares
from backend.providers.volcengine.asr_session import AsrSession
from backend.providers.volcengine.config import AsrConfig, SpeechCredentials
from backend.providers.volcengine.handshake import Failures, headers


class VolcengineRecognizer:
    """`Recognizer` over Doubao's streaming recognition."""

    def __init__(self, credentials: SpeechCredentials, config: AsrConfig) -> None:
        self._credentials = credentials
        self._config = config
        self._failures = Failures("asr", credentials)
        self._chores = Chores()
        limits = ReserveLimits(
            most=config.max_spares,
            idle_s=config.spare_idle_s,
            kept_s=config.spare_kept_s,
            wait_s=config.spare_timeout_s,
            longest_rest_s=config.spare_kept_s / 2,
        )
        self._spares = Spares(self._dial, limits, self._chores)

    async def warm(self) -> None:
        """Expect one more session, and have a connection ready for it when this returns; never raises ours.

        Each call of this stands for one session: as many connections are kept ready as were asked for and not used,
        within `max_spares`, for `spare_kept_s`.
        """
        await self._spares.warm()

    def open(self, hot_words: Sequence[str] = ()) -> AbstractAsyncContextManager[Recognition]:
        """One session, connected on entry and closed on exit, however the block ends.

        On a spare connection it waits for nothing; one that turns out to be worthless is replaced in silence, and
        what was said is said again. Without a spare, a failed opening is tried once more, unless the service said no
        or took too long. Iteration may end without `finish`: on `bigmodel_nostream` after each sentence, and elsewhere
        when the service stays silent although someone spoke.
        """
        return self._session(replace(self._config, hot_words=tuple(hot_words)))

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._spares.aclose()
        await self._chores.aclose()

    @asynccontextmanager
    async def _session(self, config: AsrConfig) -> AsyncIterator[Recognition]:
        session = AsrSession(self._dial, config, self._failures, self._chores)
        await self._open(session)
        pump = asyncio.get_running_loop().create_task(session.pump())
        try:
            yield session
        finally:
            pump.cancel()
            self._chores.begin(_end(session, pump))

    async def _open(self, session: AsrSession) -> None:
        try:
            spare = await self._spares.take()
            await (session.open() if spare is None else session.open_on(spare))
        except BaseException:
            self._chores.begin(session.close())
            raise

    async def _dial(self) -> ServiceSocket:
        config = self._config
        streams = config.spoken_mode != "bigmodel_nostream"
        limits = SocketLimits(
            config.connect_timeout_s,
            config.send_timeout_s,
            config.ping_interval_s if streams else None,
            config.ping_timeout_s,
        )
        greeting = headers(self._credentials, config.resource_id)
        return await dial("asr", config.address, greeting, limits, self._failures.of_response)


async def _end(session: AsrSession, pump: "asyncio.Task[None]") -> None:
    await asyncio.wait([pump])
    await session.close()
