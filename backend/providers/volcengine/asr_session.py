"""One session of streaming recognition: audio up, hypotheses down, neither waiting for the other."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from backend.errors import ProtocolError, ProviderError, ProviderTimeout, ProviderUnavailable
from backend.ports import Hypothesis
from backend.protocol.header import MessageType
from backend.protocol.speech import decode
from backend.providers.chores import Chores
from backend.providers.feeder import Feeder, FeederLimits
from backend.providers.patience import Patience, bounded, retried
from backend.providers.sockets import MAX_MESSAGE_BYTES, ServiceSocket
from backend.providers.tabs import HeardTab
from backend.providers.uplink import Packet
from backend.providers.volcengine import asr_wire
from backend.providers.volcengine.config import AsrConfig
from backend.providers.volcengine.handshake import LOG_ID_HEADER, Failures

log = logging.getLogger(__name__)

_SILENT_AUDIO: Final = 20000003
_EMPTY_AUDIO: Final = 45000002


class AsrSession:
    """One recognition. Errors are raised to whoever iterates, never to whoever sends.

    On a spare connection nothing waits for the service's first answer: the service reads messages in order, and asks
    that sending never waits for receiving. Until that answer, what went up is kept: if the spare turns out to be
    worthless, the session begins once more on a fresh connection, and nobody notices.
    """

    def __init__(
        self, dial: Callable[[], Awaitable[ServiceSocket]], config: AsrConfig, failures: Failures, chores: Chores
    ) -> None:
        self._dial = dial
        self._config = config
        self._failures = failures
        self._chores = chores
        self._socket: ServiceSocket | None = None
        self._log_id = ""
        self._model = config.billed_as or config.resource_id
        self._tab = HeardTab(self._model)
        self._feeder = Feeder(self._send_up, _limits(config))
        self._on_trial: deque[Packet] | None = None  # what went up on a spare that has not answered yet
        self._patience = Patience("asr")
        self._open_by = asyncio.get_running_loop().time() + config.opening_timeout_s
        self._hearsay = asr_wire.Hearsay()
        self._answers_each = config.spoken_mode == "bigmodel"  # each packet has a response
        self._unanswered = 0
        self._ended = False

    async def open(self) -> None:
        """Begin on a fresh connection, and take the answer that every first message gets."""
        left_s = max(0.0, self._open_by - asyncio.get_running_loop().time())
        await bounded("asr", "a session", left_s, retried(self._open, self._config.retry_backoff_s))

    async def open_on(self, spare: ServiceSocket) -> None:
        """Begin on a connection that is there; its first answer is awaited by whoever iterates."""
        self._on_trial = deque(maxlen=max(1, self._config.backlog_ms // self._config.packet_ms))
        self._take(spare)
        self._patience.expect("the answer to the first message", self._config.spare_timeout_s)
        with suppress(ProviderError):  # the reader finds it too, and begins anew
            await spare.send(asr_wire.request(self._config))

    async def send(self, pcm: bytes) -> None:
        """Hand over audio; waits only for a service that takes it slowly, and then the oldest is dropped."""
        await self._feeder.put(pcm)

    async def finish(self) -> None:
        """Say that no more audio comes; the last hypothesis follows and is definite."""
        await self._feeder.finish()

    async def pump(self) -> None:
        """See `Feeder`."""
        await self._feeder.pump()

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses in order, until the session ends."""
        return self

    async def __anext__(self) -> Hypothesis:
        """The next hypothesis."""
        while not self._ended:
            try:
                if (sent := self._on_trial) is not None:
                    await self._end_trial(sent)
                hypothesis = await self._next()
            except BaseException as exc:
                self._ended = not isinstance(exc, asyncio.CancelledError)
                raise
            if hypothesis is not None:
                return hypothesis
        raise StopAsyncIteration

    async def close(self) -> None:
        """Hang up."""
        self._feeder.close()
        if self._socket is not None:
            await self._socket.close()

    @property
    def _open_socket(self) -> ServiceSocket:
        if self._socket is None:
            raise ProviderUnavailable("asr", "there is no connection")
        return self._socket

    def _take(self, socket: ServiceSocket) -> None:
        self._socket = socket
        self._log_id = socket.header(LOG_ID_HEADER)
        self._tab = HeardTab(self._model)  # each session is rounded by itself

    async def _open(self) -> None:
        socket = await self._dial()
        try:
            self._take(socket)
            await socket.send(asr_wire.request(self._config))
            self._patience.expect("the answer to the first message", self._config.reply_timeout_s)
            await self._next()
            self._patience.relax()
        except BaseException:
            self._chores.begin(socket.close())
            raise

    async def _end_trial(self, sent: deque[Packet]) -> None:
        """Take a spare's first answer, and begin anew where it is none, unless more went up than could be kept."""
        try:
            await self._next()
            self._patience.relax()
            self._on_trial = None
            for packet in sent:
                self._expect_answer(packet)
        except ProviderError as error:
            if len(sent) == sent.maxlen:
                raise
            log.info("asr.stale_connection", extra={"log_id": error.log_id, "reason": str(error)})
            try:
                await self._begin_anew(sent)
            except ProviderTimeout:
                if error.vendor_code:
                    raise error from None
                raise

    async def _begin_anew(self, sent: deque[Packet]) -> None:
        """On a fresh connection: the first message, what went up on the lost one, and what has come since."""
        self._chores.begin(self._open_socket.close())  # which also wakes whoever is still writing to it
        async with self._feeder.held():
            self._patience.relax()
            await self.open()
            self._on_trial = None
            with suppress(ProviderError):  # the reader finds it too
                for packet in sent:
                    await self._send_packet(packet)

    async def _send_up(self, packet: Packet) -> None:
        if self._on_trial is not None:
            self._on_trial.append(packet)
        await self._send_packet(packet)

    async def _send_packet(self, packet: Packet) -> None:
        await self._open_socket.send(asr_wire.audio(packet.pcm, self._config, last=packet.is_last))
        self._tab.sent(len(packet.pcm))
        if self._on_trial is None:
            self._expect_answer(packet)

    def _expect_answer(self, packet: Packet) -> None:
        self._unanswered += 1
        if packet.is_last:
            self._patience.expect("the last result", self._config.final_timeout_s)
        elif self._unanswered == 1 and self._answers_each:
            self._patience.expect("the answer to a packet", self._config.reply_timeout_s)

    async def _next(self) -> Hypothesis | None:
        try:
            return self._read(await self._patience.wait(self._open_socket.receive()))
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
        clock = self._feeder.clock
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
        return code == _SILENT_AUDIO or (code == _EMPTY_AUDIO and self._feeder.is_finishing)

    def _note_answer(self, hypothesis: Hypothesis | None) -> None:
        if hypothesis is not None:
            self._feeder.answered(definite=hypothesis.definite)
        if not self._answers_each or self._feeder.is_finishing:
            return
        self._unanswered = max(0, self._unanswered - 1)
        if self._unanswered:
            self._patience.expect("the answer to a packet", self._config.reply_timeout_s)
        else:
            self._patience.relax()


def _limits(config: AsrConfig) -> FeederLimits:
    return FeederLimits(
        packet_ms=config.packet_ms,
        keepalive_s=config.keepalive_s,
        backlog_ms=config.backlog_ms,
        end_window_ms=config.end_window_ms,
        stall_timeout_s=config.stall_timeout_s,
        ends_at_silence=config.spoken_mode == "bigmodel_nostream",
    )
