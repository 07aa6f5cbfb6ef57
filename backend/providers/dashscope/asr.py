"""Streaming recognition by Paraformer: a task on a kept connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from backend.errors import ProviderError
from backend.ports import Hypothesis, Recognition
from backend.providers.dashscope import asr_wire, wire
from backend.providers.dashscope.config import ParaformerConfig
from backend.providers.dashscope.failures import is_silence
from backend.providers.dashscope.tasks import Task, Tasks
from backend.providers.dashscope.wire import Event
from backend.providers.feeder import Feeder, FeederLimits
from backend.providers.patience import Patience
from backend.providers.tabs import HeardTab
from backend.providers.uplink import Packet

_BILLED_MS: Final = 1000
"""A task is billed by the second, as `usage.duration` counts it: each that has begun."""


class ParaformerRecognizer:
    """`Recognizer` over Paraformer; its connections outlive a session and are shared by calls."""

    def __init__(self, config: ParaformerConfig) -> None:
        self._config = config
        self._tasks = Tasks("asr", config.socket)

    async def warm(self) -> None:
        """Have a connection ready, unless one is; never raises ours."""
        await self._tasks.warm()

    def open(self, hot_words: Sequence[str] = ()) -> AbstractAsyncContextManager[Recognition]:
        """One session, begun on entry. Leaving it has the service finish in the background.

        Hot words are a list that the account has made beforehand (`ParaformerConfig.vocabulary_id`): a task cannot name
        any itself. Iteration may end without `finish`, when the service stays silent although someone spoke.
        """
        return self._session()

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._tasks.aclose()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Recognition]:
        task = await self._tasks.begin(asr_wire.run(self._config))
        session = _Session(task, self._config)
        pump = asyncio.get_running_loop().create_task(session.pump())
        try:
            yield session
        finally:
            pump.cancel()
            session.close()
            self._tasks.leave(task, cancel=False)


class _Session:
    """One recognition. Errors are raised to whoever iterates, never to whoever sends."""

    def __init__(self, task: Task, config: ParaformerConfig) -> None:
        self._task = task
        self._config = config
        self._patience = Patience("asr")
        self._hearsay = asr_wire.Hearsay()
        self._ended = False
        self._tab = HeardTab(config.model, _BILLED_MS)
        limits = FeederLimits(
            packet_ms=config.packet_ms,
            keepalive_s=config.keepalive_s,
            backlog_ms=config.backlog_ms,
            end_window_ms=2000 if config.semantic else config.end_window_ms,
            stall_timeout_s=config.stall_timeout_s,
        )
        self._feeder = Feeder(self._send, limits)

    async def send(self, pcm: bytes) -> None:
        """Hand over audio."""
        await self._feeder.put(pcm)

    async def finish(self) -> None:
        """Say that no more audio comes; the last hypothesis follows and is definite."""
        await self._feeder.finish()

    async def pump(self) -> None:
        """See `Feeder`."""
        await self._feeder.pump()

    def close(self) -> None:
        """It is over."""
        self._feeder.close()

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses in order, until the session ends."""
        return self

    async def __anext__(self) -> Hypothesis:
        """The next hypothesis."""
        while not self._ended:
            try:
                hypothesis = await self._next()
            except BaseException as exc:
                self._ended = not isinstance(exc, asyncio.CancelledError)
                raise
            if hypothesis is not None:
                return self._on_the_callers_clock(hypothesis)
        raise StopAsyncIteration

    async def _send(self, packet: Packet) -> None:
        if packet.pcm:
            await self._task.hear(packet.pcm)
            self._tab.sent(len(packet.pcm))
        if packet.is_last:
            self._patience.expect("the last result", self._config.final_timeout_s)
            await self._task.finish()

    async def _next(self) -> Hypothesis | None:
        try:
            message = await self._patience.wait(self._task.next())
        except ProviderError as error:
            if is_silence(error) and self._feeder.is_finishing:
                return self._end()
            error.log_id = error.log_id or self._task.connection.log_id
            raise
        if not isinstance(message, Event):
            return None
        if message.name == wire.FINISHED:
            return self._end()
        hypothesis = self._hearsay.take(message)
        if hypothesis is not None:
            self._feeder.answered(definite=hypothesis.definite)
        return hypothesis

    def _end(self) -> Hypothesis:
        self._ended = True
        return self._hearsay.end()

    def _on_the_callers_clock(self, hypothesis: Hypothesis) -> Hypothesis:
        """In the caller's time. The service does not tell how much audio it has taken: all that was sent counts."""
        clock = self._feeder.clock
        return replace(hypothesis, end_ms=clock.caller_ms(hypothesis.end_ms), audio_ms=clock.caller_ms(clock.sent_ms))
