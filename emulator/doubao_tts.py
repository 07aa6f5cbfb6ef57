"""Doubao synthesis: the bidirectional WebSocket, and the unidirectional one.

Source: docs 6561/1329505 and 6561/1719100; the fact sheet's session rules.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from backend.errors import ProtocolError
from backend.protocol.header import MessageType
from backend.protocol.speech import STATUS_OK, SpeechEvent, SpeechFrame
from emulator import tts_request
from emulator.house import House
from emulator.link import BAD_REQUEST, INVALID_PARAMETERS, SERVER_ERROR, Link, VendorError, accept, fault_code
from emulator.script import Fault, Kind
from emulator.sentences import spoken
from emulator.tts_request import SessionFailure
from emulator.tts_session import TtsSession, event_frame

BIDIRECTIONAL: Final = "/api/v3/tts/bidirection"
UNIDIRECTIONAL: Final = "/api/v3/tts/unidirectional/stream"

_OK: Final = {"status_code": STATUS_OK, "message": "ok"}


async def serve(house: House, request: web.Request) -> web.StreamResponse:
    """One connection: many sessions, one after another."""
    house.stats.stamp("handshake", request.headers.get("X-Api-Connect-Id", ""), "tts")
    accepted = await accept(house, "tts", request, frozenset(tts_request.RESOURCES))
    if isinstance(accepted, web.StreamResponse):
        return accepted
    link, fault = accepted
    connection = (Bidirectional if request.path == BIDIRECTIONAL else Unidirectional)(house, link, fault)
    async with link:
        await link.telling(connection.run)
    return link.response


class Connection:
    """What both ways share: starting sessions, and telling how they failed."""

    def __init__(self, house: House, link: Link, fault: Fault | None) -> None:
        self._house = house
        self._link = link
        self._fault = fault
        self._ident = str(uuid.uuid4())
        self._record: dict[str, Any] = {}

    async def _begin(self, ident: str, payload: dict[str, Any]) -> TtsSession:
        fault = self._house.prompter.fault("tts", connecting=False)
        self._record = self._link.begin(
            {
                "session": ident,
                "headers": self._link.headers,
                "json": payload,
                "texts": [],
                "finished": False,
                "cancelled": False,
            }
        )
        asked = tts_request.parse(payload, self._link.header("X-Api-Resource-Id"))
        session = TtsSession(self._house, self._link, ident, asked, fault)
        await session.misbehave("start")
        return session

    async def _telling(self, ident: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of one session; where it fails, say so and hang up, for some clients wait for ever otherwise."""
        try:
            await work()
        except SessionFailure as failure:
            status = {"status_code": failure.code, "message": failure.message}
            await self._link.send(event_frame(SpeechEvent.SESSION_FAILED, ident, status))
            self._link.count_error(failure.code)
            await self._link.close()

    async def _connection_event(self, event: SpeechEvent, payload: dict[str, Any]) -> None:
        await self._link.send(event_frame(event, self._ident, payload))


class Bidirectional(Connection):
    """Text in pieces: events up and down, one live session at a time."""

    def __init__(self, house: House, link: Link, fault: Fault | None) -> None:
        super().__init__(house, link, fault)
        self._started = False
        self._session: TtsSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Serve until the client leaves."""
        async with asyncio.TaskGroup() as tasks:
            await self._link.telling(partial(self._events, tasks))
            if self._task is not None:
                self._task.cancel()

    async def _events(self, tasks: asyncio.TaskGroup) -> None:
        while (frame := await self._next()) is not None:
            ident = frame.ident or ""
            match frame.event:
                case SpeechEvent.START_CONNECTION:
                    await self._start_connection()
                case SpeechEvent.FINISH_CONNECTION:
                    await self._connection_event(SpeechEvent.CONNECTION_FINISHED, _OK)
                    return await self._link.close()
                case SpeechEvent.START_SESSION:
                    await self._telling(ident, partial(self._start_session, ident, _payload(frame), tasks))
                case SpeechEvent.TASK_REQUEST | SpeechEvent.FINISH_SESSION | SpeechEvent.CANCEL_SESSION:
                    if self._session is None or self._session.ident != ident:
                        return await self._link.close(reason=f"non-exist session: {ident}")
                    await self._telling(ident, partial(self._in_session, self._session, frame))
                case _:
                    raise VendorError(BAD_REQUEST, f"unexpected event {frame.event}")
        return None

    async def _next(self) -> SpeechFrame | None:
        try:
            async with asyncio.timeout_at(self._idle_ends) as self._waiting:
                return await self._link.receive()
        except TimeoutError as exc:
            if self._idle_close is not None:
                self._house.stats.struck(self._idle_close)
                await self._link.close()
                return None
            raise VendorError(SERVER_ERROR, "client send timeout") from exc
        finally:
            self._waiting = None

    @property
    def _idle_close(self) -> Fault | None:
        return self._fault if self._fault is not None and self._fault.kind is Kind.IDLE_CLOSE else None

    @property
    def _idle_ends(self) -> float | None:
        """When a client that sends nothing from now on is hung up on; never while a session is under way."""
        idle_ms = self._idle_close.ms if self._idle_close else self._house.script.limits.tts_idle_ms
        if self._session is not None or not idle_ms:
            return None
        return asyncio.get_running_loop().time() + idle_ms / 1000

    def _end_session(self) -> None:
        self._session = None
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._idle_ends)

    async def _start_connection(self) -> None:
        self._started = True
        if self._fault is not None and self._fault.kind is Kind.CONNECT_FAIL:
            self._house.stats.struck(self._fault)
            failure = {"status_code": fault_code(self._fault), "message": self._fault.message}
            await self._connection_event(SpeechEvent.CONNECTION_FAILED, failure)
            return await self._link.close()
        return await self._connection_event(SpeechEvent.CONNECTION_STARTED, {})

    async def _start_session(self, ident: str, payload: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        if not self._started:
            raise VendorError(BAD_REQUEST, "connection is not started")
        if self._session is not None:
            raise SessionFailure(BAD_REQUEST, f"session {self._session.ident} is not finished")
        if not ident:
            raise SessionFailure(INVALID_PARAMETERS, "session id is empty")
        session = await self._begin(ident, payload)
        self._session = session
        await session.say(SpeechEvent.SESSION_STARTED, {})
        self._task = tasks.create_task(self._link.telling(partial(self._telling, ident, partial(self._speak, session))))

    async def _speak(self, session: TtsSession) -> None:
        await session.speak()
        self._end_session()
        await session.say(SpeechEvent.SESSION_FINISHED, session.status())

    async def _in_session(self, session: TtsSession, frame: SpeechFrame) -> None:
        if frame.event == SpeechEvent.CANCEL_SESSION:
            await self._cancel(session)
        elif frame.event == SpeechEvent.FINISH_SESSION:
            self._record["finished"] = True
            session.finish()
        else:
            text = _text(_payload(frame))
            self._record["texts"].append(text)
            session.take(text)

    async def _cancel(self, session: TtsSession) -> None:
        self._record["cancelled"] = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._end_session()
        await session.say(SpeechEvent.SESSION_CANCELED, session.status())


class Unidirectional(Connection):
    """One text per request; the session's id is the server's."""

    async def run(self) -> None:
        """Serve one request after another, until the client leaves."""
        while (frame := await self._link.receive()) is not None:
            if frame.event == SpeechEvent.FINISH_CONNECTION:
                await self._connection_event(SpeechEvent.CONNECTION_FINISHED, _OK)
                return await self._link.close()
            if frame.event is not None or frame.message_type != MessageType.CLIENT_REQUEST:
                raise VendorError(SERVER_ERROR, f"unexpected event {frame.event}")
            ident = str(uuid.uuid4())
            await self._telling(ident, partial(self._request, ident, _payload(frame)))
        return None

    async def _request(self, ident: str, payload: dict[str, Any]) -> None:
        session = await self._begin(ident, payload)
        text = _text(payload) or spoken(_text(payload, "ssml"))
        self._record["texts"].append(text)
        if not text:
            raise SessionFailure(INVALID_PARAMETERS, "req_params.text is required")
        session.take(text)
        session.finish()
        await session.speak()
        await session.say(SpeechEvent.SESSION_FINISHED, session.status())


def _payload(frame: SpeechFrame) -> dict[str, Any]:
    try:
        return frame.json()
    except ProtocolError as exc:
        raise VendorError(BAD_REQUEST, f"payload unmarshal: {exc}") from exc


def _text(payload: dict[str, Any], key: str = "text") -> str:
    params = payload.get("req_params")
    text = params.get(key) if isinstance(params, dict) else None
    return text if isinstance(text, str) else ""
