"""One connection of bidirectional synthesis: sessions one after another, and no frame of one in another."""

import asyncio
import logging
from collections import deque
from typing import Final
from uuid import uuid4

from backend.errors import ProtocolError, ProviderError, ProviderUnavailable
from backend.ports import SpeechOptions
from backend.protocol.header import MessageType
from backend.protocol.speech import STATUS_OK, SpeechEvent, SpeechFrame, decode
from backend.providers.chores import Chores
from backend.providers.patience import Patience
from backend.providers.sockets import MAX_MESSAGE_BYTES, ServiceSocket, SocketLimits, dial
from backend.providers.volcengine import tts_wire
from backend.providers.volcengine.config import SpeechCredentials, TtsConfig
from backend.providers.volcengine.handshake import LOG_ID_HEADER, Failures, headers

log = logging.getLogger(__name__)

_USAGE_HEADER: Final = "X-Control-Require-Usage-Tokens-Return"
_RETIRED_KEPT: Final = 8
_CONNECTION_EVENTS: Final = frozenset({SpeechEvent.CONNECTION_FAILED, SpeechEvent.CONNECTION_FINISHED})
_SESSION_ENDS: Final = frozenset(
    {SpeechEvent.SESSION_FINISHED, SpeechEvent.SESSION_CANCELED, SpeechEvent.SESSION_FAILED}
)


class TtsConnection:
    """A socket on which ConnectionStarted has come.

    Attributes:
        has_idled: it lay unused for a while, and may have died meanwhile.
        is_poisoned: something failed here, or came that should not have come: it never serves again.
    """

    def __init__(self, socket: ServiceSocket, resource_id: str, config: TtsConfig, failures: Failures) -> None:
        self.resource_id = resource_id
        self.log_id = socket.header(LOG_ID_HEADER)
        self.has_idled = False
        self.is_poisoned = False
        self._socket = socket
        self._config = config
        self._failures = failures
        self._reading = asyncio.Lock()
        self._retired: deque[str] = deque(maxlen=_RETIRED_KEPT)

    @property
    def is_usable(self) -> bool:
        """Whether another session may be started here."""
        return self._socket.is_open and not self.is_poisoned

    async def begin(self) -> None:
        """StartConnection, and its answer."""
        await self._send(tts_wire.start_connection())
        while (frame := await self._receive()).event != SpeechEvent.CONNECTION_STARTED:
            log.debug("tts.unexpected", extra={"event": frame.event})

    def new_session(self) -> str:
        """A session id that was never used before."""
        return str(uuid4())

    async def start(self, session: str, options: SpeechOptions) -> None:
        """StartSession, and its answer."""
        await self._send(tts_wire.start_session(session, options, self._config))
        while (await self.next_frame(session)).event != SpeechEvent.SESSION_STARTED:
            pass

    async def say(self, session: str, text: str) -> None:
        """TaskRequest."""
        await self._send(tts_wire.task_request(session, text))

    async def finish(self, session: str) -> None:
        """FinishSession."""
        await self._send(tts_wire.finish_session(session))

    async def next_frame(self, session: str) -> SpeechFrame:
        """The session's next frame; what is left of a cancelled one is passed over.

        Raises:
            ProviderError: the session or the connection failed; or a frame came that belongs to neither.
        """
        while True:
            frame = await self._receive()
            if frame.ident == session:
                return self._checked(frame)
            if frame.ident not in self._retired:
                self.is_poisoned = True
                raise self._unavailable("the service sent a frame of a session that is not ours")

    async def watch(self) -> None:
        """Read while no session runs; ends when the connection is lost or can be trusted no longer, and never raises.

        What is left of a session that is over is passed over.
        """
        try:
            while (await self._receive()).ident in self._retired:
                pass
            self.is_poisoned = True
        except ProviderError as error:
            log.info("tts.lost", extra={"log_id": self.log_id, "reason": str(error)})

    async def cancel(self, session: str) -> bool:
        """CancelSession, unless the session's end lies here already: to cancel what is over costs the connection.

        Never raises. Whatever still comes of the session is nobody's.

        Returns:
            Whether an answer has to be waited for, by `let_go`.
        """
        self._retired.append(session)
        try:
            if await self._has_ended(session):
                return False
            await self._send(tts_wire.cancel_session(session))
        except ProviderError as error:
            log.info("tts.cancel_failed", extra={"log_id": self.log_id, "reason": str(error)})
            return False
        return True

    async def let_go(self, session: str) -> None:
        """Wait for SessionCanceled; when something else comes, or nothing, the connection is poisoned.

        A SessionFinished has crossed our CancelSession: the service will close the connection over it.
        """
        try:
            async with asyncio.timeout(self._config.cancel_timeout_s):
                while not (end := self._end_of(await self._receive(), session)):
                    pass
            self.is_poisoned = self.is_poisoned or end != SpeechEvent.SESSION_CANCELED
        except (TimeoutError, ProviderError) as exc:
            self.is_poisoned = True
            log.info("tts.cancel_failed", extra={"log_id": self.log_id, "reason": str(exc) or "no answer"})

    async def close(self) -> None:
        """FinishConnection if that still makes sense, and close the socket."""
        if self.is_usable:
            self.is_poisoned = True
            try:
                await self._send(tts_wire.finish_connection())
            except ProviderError:
                log.debug("tts.gone")
        await self._socket.close()

    async def _send(self, message: bytes) -> None:
        try:
            await self._socket.send(message)
        except ProviderError as error:
            raise self._poisoned_by(error) from error.__cause__

    async def _receive(self) -> SpeechFrame:
        async with self._reading:  # whoever reads for a cancelled session waits for its last reader
            try:
                return self._read(await self._socket.receive())
            except ProviderError as error:
                raise self._poisoned_by(error) from error.__cause__

    def _read(self, message: bytes | str) -> SpeechFrame:
        if isinstance(message, str):
            raise self._failures.of_text(message)
        try:
            frame = decode(message, max_bytes=MAX_MESSAGE_BYTES)
        except ProtocolError as exc:
            raise self._unavailable("the service sent what is no frame of its protocol") from exc
        if frame.message_type == MessageType.ERROR:
            raise self._failures.of_frame(frame)
        if frame.event in _CONNECTION_EVENTS:
            raise self._failures.of_event(frame)
        return frame

    def _checked(self, frame: SpeechFrame) -> SpeechFrame:
        failed = frame.event == SpeechEvent.SESSION_FAILED
        if frame.event == SpeechEvent.SESSION_FINISHED:
            failed = self._status(frame) not in (None, STATUS_OK)
        if failed:
            raise self._poisoned_by(self._failures.of_event(frame))
        if frame.event == SpeechEvent.SESSION_FINISHED:
            self._retired.append(frame.ident or "")
        return frame

    def _status(self, frame: SpeechFrame) -> object:
        try:
            return frame.json().get("status_code")
        except ProtocolError as exc:
            raise self._poisoned_by(self._unavailable("an event of the service holds no JSON")) from exc

    async def _has_ended(self, session: str) -> bool:
        try:
            async with asyncio.timeout(0):  # reads what is here, and waits for nothing
                while not self._end_of(await self._receive(), session):
                    pass
        except TimeoutError:
            return False
        return True

    def _end_of(self, frame: SpeechFrame, session: str) -> int | None:
        return frame.event if frame.ident == session and frame.event in _SESSION_ENDS else None

    def _poisoned_by(self, error: ProviderError) -> ProviderError:
        self.is_poisoned = True
        error.log_id = error.log_id or self.log_id
        return error

    def _unavailable(self, reason: str) -> ProviderUnavailable:
        return ProviderUnavailable("tts", reason, log_id=self.log_id)


async def connect(credentials: SpeechCredentials, config: TtsConfig, resource_id: str, chores: Chores) -> TtsConnection:
    """Open a connection for one resource: upgrade, StartConnection, ConnectionStarted."""
    failures = Failures("tts", credentials)
    limits = SocketLimits(
        config.connect_timeout_s, config.send_timeout_s, config.ping_interval_s, config.ping_timeout_s
    )
    patience = Patience("tts")
    patience.expect("a connection", config.connect_timeout_s)
    greeting = headers(credentials, resource_id) | {_USAGE_HEADER: "*"}
    socket = await dial("tts", config.url, greeting, limits, failures.of_response)
    connection = TtsConnection(socket, resource_id, config, failures)
    try:
        await patience.wait(connection.begin())
    except BaseException:
        connection.is_poisoned = True
        chores.begin(connection.close())
        raise
    return connection
