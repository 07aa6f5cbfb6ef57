"""Streaming recognition by Doubao: one WebSocket a session."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

from backend.errors import ProtocolError, ProviderError, ProviderUnavailable
from backend.ports import Hypothesis, Recognition
from backend.protocol.header import MessageType
from backend.protocol.speech import decode
from backend.providers.chores import Chores
from backend.providers.patience import Patience, retried
from backend.providers.sockets import MAX_MESSAGE_BYTES, ServiceSocket, SocketLimits, dial
from backend.providers.volcengine import asr_wire
from backend.providers.volcengine.config import AsrConfig, SpeechCredentials
from backend.providers.volcengine.gate import SpeechGate
from backend.providers.volcengine.handshake import LOG_ID_HEADER, Failures, headers
from backend.providers.volcengine.uplink import Packet, Uplink

log = logging.getLogger(__name__)

_SILENT_AUDIO: Final = 20000003
_EMPTY_AUDIO: Final = 45000002


class VolcengineRecognizer:
    """`Recognizer` over Doubao's streaming recognition."""

    def __init__(self, credentials: SpeechCredentials, config: AsrConfig) -> None:
        self._credentials = credentials
        self._config = config
        self._failures = Failures("asr", credentials)
        self._chores = Chores()
        self._spare: ServiceSocket | None = None

    async def warm(self) -> None:
        """Have a connection ready for the next session, so that it pays no handshake; never raises ours."""
        if self._spare is not None and self._spare.is_open:
            return
        try:
            self._spare = await self._dial()
        except ProviderError as error:
            log.info("asr.not_warm", extra={"reason": str(error)})

    def open(self) -> AbstractAsyncContextManager[Recognition]:
        """One session, connected on entry and closed on exit, however the block ends.

        A failed opening is tried once more, unless the service said no or took too long. Iteration may end without
        `finish`: on `bigmodel_nostream` after each sentence, and elsewhere when the service stays silent although
        someone spoke.
        """
        return self._session()

    async def aclose(self) -> None:
        """Let go of every connection."""
        if (spare := self._take_spare()) is not None:
            await spare.close()
        await self._chores.aclose()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Recognition]:
        session = await self._begin()
        pump = asyncio.get_running_loop().create_task(session.pump())
        try:
            yield session
        finally:
            pump.cancel()
            self._chores.begin(_end(session, pump))

    async def _begin(self) -> "_Session":
        if (spare := self._take_spare()) is not None:
            try:
                return await self._start(spare)
            except ProviderError as error:
                log.info("asr.stale_connection", extra={"reason": str(error)})
        return await retried(self._connect, self._config.retry_backoff_s)

    def _take_spare(self) -> ServiceSocket | None:
        spare, self._spare = self._spare, None
        return spare

    async def _connect(self) -> "_Session":
        return await self._start(await self._dial())

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

    async def _start(self, socket: ServiceSocket) -> "_Session":
        session = _Session(socket, self._config, self._failures)
        try:
            await session.begin()
        except BaseException:
            self._chores.begin(socket.close())
            raise
        return session


class _Session:
    """One recognition. Errors come by iteration: whoever sends never sees one, but finds nobody listening.

    Audio goes up in the task that brings it. The pump is for what is due when nobody brings any.
    """

    def __init__(self, socket: ServiceSocket, config: AsrConfig, failures: Failures) -> None:
        self.socket = socket
        self._config = config
        self._failures = failures
        self._log_id = socket.header(LOG_ID_HEADER)
        self._loop = asyncio.get_running_loop()
        self._uplink = Uplink(
            packet_ms=config.packet_ms,
            keepalive_s=config.keepalive_s,
            backlog_ms=config.backlog_ms,
            now=self._loop.time(),
        )
        self._sending = False
        self._woken = asyncio.Event()
        self._sleeps_until = 0.0
        self._patience = Patience("asr")
        self._gate = SpeechGate()
        self._hearsay = asr_wire.Hearsay()
        self._finishing = False
        self._stalls_at: float | None = None
        self._unanswered = 0
        self._ended = False

    async def begin(self) -> None:
        """Say what comes, and take the answer that every first message gets."""
        await self.socket.send(asr_wire.request(self._config))
        self._patience.expect("the answer to the first message", self._config.reply_timeout_s)
        await self._next()
        self._patience.relax()

    async def send(self, pcm: bytes) -> None:
        """Hand over audio; waits only for a service that takes it slowly, and then the oldest is dropped."""
        if self._finishing:
            return
        self._uplink.put(pcm, self._loop.time())
        self._listen_for_the_end(pcm)
        await self._flush()
        if (deadline := self._deadline) is not None and deadline < self._sleeps_until:
            self._woken.set()

    async def finish(self) -> None:
        """Say that no more audio comes; the last hypothesis follows and is definite."""
        self._finish()
        await self._flush()

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses in order, until the session ends."""
        return self

    async def __anext__(self) -> Hypothesis:
        """The next news."""
        while not self._ended:
            try:
                hypothesis = await self._next()
            except BaseException as exc:
                self._ended = not isinstance(exc, asyncio.CancelledError)
                raise
            if hypothesis is not None:
                return hypothesis
        raise StopAsyncIteration

    async def pump(self) -> None:
        """Send the silence that keeps the session alive, audio that waited long enough, and the end if it stalls."""
        while (deadline := self._deadline) is not None:
            await self._sleep(deadline)
            if self._stalls_at is not None and self._loop.time() >= self._stalls_at:
                log.info("asr.silent_service", extra={"log_id": self._log_id})
                self._finish()
            await self._flush()

    @property
    def _deadline(self) -> float | None:
        due = self._uplink.deadline
        return due if due is None or self._stalls_at is None else min(due, self._stalls_at)

    async def _sleep(self, deadline: float) -> None:
        self._sleeps_until = deadline
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        self._sleeps_until = 0.0
        self._woken.clear()

    async def _flush(self) -> None:
        if self._sending:  # whoever is at it sends this too
            return
        self._sending = True
        try:
            while packet := self._uplink.take(self._loop.time()):
                await self._send_packet(packet)
        except ProviderError as error:
            log.debug("asr.gone", extra={"reason": error.reason})  # the reader finds that too, and the reason before it
        finally:
            self._sending = False

    async def _send_packet(self, packet: Packet) -> None:
        await self.socket.send(asr_wire.audio(packet.pcm, self._config, last=packet.is_last))
        self._unanswered += 1
        if packet.is_last:
            self._patience.expect("the last result", self._config.final_timeout_s)
        elif self._unanswered == 1 and self._config.spoken_mode == "bigmodel":
            self._patience.expect("the answer to a packet", self._config.reply_timeout_s)

    def _finish(self) -> None:
        self._finishing = True
        self._stalls_at = None
        self._uplink.finish()

    def _listen_for_the_end(self, pcm: bytes) -> None:
        self._gate.hear(pcm)
        if not self._gate.spoke or self._gate.silence_ms < self._config.end_window_ms:
            return
        self._gate.reset()
        if self._config.spoken_mode == "bigmodel_nostream":
            self._finish()
        elif self._stalls_at is None:
            self._stalls_at = self._loop.time() + self._config.stall_timeout_s

    async def _next(self) -> Hypothesis | None:
        try:
            return self._read(await self._patience.wait(self.socket.receive()))
        except ProviderError as error:
            error.log_id = error.log_id or self._log_id
            raise

    def _read(self, message: bytes | str) -> Hypothesis | None:
        try:
            result = self._result(message)
        except ProtocolError as exc:
            raise ProviderUnavailable("asr", "the service sent what is no frame of its protocol") from exc
        if result is None:
            return None
        self._log_id = self._log_id or result.log_id
        self._ended = result.is_last
        hypothesis = self._hearsay.take(result)
        self._note_answer(hypothesis)
        if hypothesis is None:
            return None
        clock = self._uplink.clock
        return replace(
            hypothesis, end_ms=clock.caller_ms(hypothesis.end_ms), audio_ms=clock.caller_ms(hypothesis.audio_ms)
        )

    def _result(self, message: bytes | str) -> asr_wire.Result | None:
        if isinstance(message, str):
            raise self._failures.of_text(message)
        frame = decode(message, max_bytes=MAX_MESSAGE_BYTES)
        match frame.message_type:
            case MessageType.SERVER_RESPONSE:
                return asr_wire.read(frame)
            case MessageType.ERROR if self._is_silence(frame.error_code):
                return asr_wire.Result("", (), 0, "", is_last=True)
            case MessageType.ERROR:
                raise self._failures.of_frame(frame)
            case _:
                return None

    def _is_silence(self, code: int | None) -> bool:
        """An error that only says that nobody spoke before the session was finished."""
        return code == _SILENT_AUDIO or (code == _EMPTY_AUDIO and self._finishing)

    def _note_answer(self, hypothesis: Hypothesis | None) -> None:
        if hypothesis is not None and hypothesis.definite:
            self._stalls_at = None
            self._gate.reset()
        elif hypothesis is not None and self._stalls_at is not None:
            self._stalls_at = self._loop.time() + self._config.stall_timeout_s
        if self._config.spoken_mode != "bigmodel" or self._finishing:
            return
        self._unanswered = max(0, self._unanswered - 1)
        if self._unanswered:
            self._patience.expect("the answer to a packet", self._config.reply_timeout_s)
        else:
            self._patience.relax()


async def _end(session: _Session, pump: "asyncio.Task[None]") -> None:
    await asyncio.wait([pump])
    await session.socket.close()
