"""Who may call: each handshake is let in or refused, and each connection gets its own session."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Final, assert_never

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from backend.access.bounds import Place
from backend.access.door import Door, Visit, peer_of
from backend.access.keys import Grant
from backend.access.turnstile import Turnstile
from backend.connections.admissions import Admission, Admissions
from backend.connections.holders import Holders
from backend.connections.kept_line import KeptLine, ResumeLimits
from backend.connections.line import CLOSE_INTERNAL, NOT_READING, WebSocketLine
from backend.connections.resumption import Resumption
from backend.connections.target import parameters_of
from backend.errors import BUSY, RETRY_AFTER_S, UNAUTHORIZED, ProtocolError, SessionIdError
from backend.give_way import give_way
from backend.process.loop_lag import LoopLag
from backend.process.loop_load import LoopLoad
from backend.protocol import frames
from backend.protocol.events import BOT_ERROR, CALL_PATH, CallConfig, Query, parse_query
from backend.protocol.frames import EventFrame
from backend.protocol.position import parse_bookmark
from backend.session import CallSession, Services, SessionLimits
from backend.telemetry.observer import Refusal
from backend.telemetry.readings import Readings, Traffic

log = logging.getLogger(__name__)

SUBPROTOCOL: Final = Subprotocol("lvc")
_CLOSE_POLICY: Final = 1008
_CLOSE_TOO_BIG: Final = 1009
_ABUSES: Final = frozenset({(_CLOSE_POLICY, ProtocolError().code), (CLOSE_INTERNAL, NOT_READING)})
_FAREWELL_S: Final = 2.0
"""How long the end of the server waits for calls that were cut off to be told so."""


class Reception:
    """Keeps the door of the call port.

    Args:
        door: judges who comes; without one everybody may.
        max_calls: at this many, further clients are refused.
        defaults: the configuration of a client that asks for nothing.
        blocked_write_s: see `WebSocketLine`.
        resume: how calls wait for clients that were cut off and asked for it.
        lag: while it is too late, further clients are refused, so that those who were let in keep their pace.
        load: while it is too much, likewise.
        page: where the page is, for browsers that are pointed at this port instead.
    """

    def __init__(
        self,
        services: Services,
        limits: SessionLimits,
        defaults: CallConfig,
        *,
        door: Door | None = None,
        max_calls: int,
        blocked_write_s: float,
        resume: ResumeLimits | None = None,
        lag: LoopLag | None = None,
        load: LoopLoad | None = None,
        page: str = "",
    ) -> None:
        self._services = services
        self._lag = lag or LoopLag(0)
        self._load = load or LoopLoad(0)
        self._traffic = Traffic()
        self._turnstile = Turnstile()
        self._limits = limits
        self._defaults = defaults
        self._door = door or Door()
        self._max_calls = max_calls
        self._blocked_write_s = blocked_write_s
        self._calls: set[CallSession] = set()
        self._holders = Holders(services.store)
        self._resumption = Resumption(resume or ResumeLimits())
        self._admissions = Admissions()
        self._page = page
        self._draining = False

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._calls)

    async def watch(self) -> None:
        """See `Holders.watch`."""
        await self._holders.watch()

    def readings(self) -> Readings:
        """How it stands."""
        return Readings(
            calls=len(self._calls),
            max_calls=self._max_calls,
            accepting=self._busy() is None,
            refusing=self._busy() or "",
            loop_lag_ms=self._lag.lag_ms,
            up_bytes=self._traffic.up_bytes,
            down_bytes=self._traffic.down_bytes,
        )

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade: None lets the client in, a response refuses it."""
        parameters = parameters_of(request.path)
        if parameters is not None and not _asks_for_a_websocket(request):
            return _no_call(connection, self._page)
        judged = self._judge(_visit(connection, request), parameters)
        if isinstance(judged, Admission):
            self._admissions.enter(connection, judged)
            return None
        log.info("call.refused", extra={"reason": judged})
        self._services.observer.call_refused(judged)
        return _refusal(connection, judged)

    def _judge(self, visit: Visit, parameters: Mapping[str, str] | None) -> Admission | Refusal:
        if parameters is None:
            return "hurried" if self._door.is_hurried(visit) else "not_found"
        sid, bookmark = parameters.get("sid"), parse_bookmark(parameters.get("resume", ""))

        def comes_back(grant: Grant) -> bool:
            return self._resumption.find(sid or grant.sid, bookmark) is not None

        judged = self._door.judge_call(visit, sid, comes_back)
        if not isinstance(judged, Grant):
            return judged
        if not comes_back(judged) and (busy := self._busy()) is not None:
            return busy
        return Admission(judged, Place(self._door.crowd, self._door.address(visit)), parameters)

    def _busy(self) -> Refusal | None:
        if self._draining:
            return "draining"
        if len(self._admissions) >= self._max_calls:
            return "full"
        if not self._calls:  # a machine too slow for one call is so with or without a guard
            return None
        if self._lag.too_late:
            return "lagging"
        return "loaded" if self._load.is_too_much_with(len(self._admissions) + 1) else None

    @staticmethod
    def choose_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """A browser cannot set headers: it offers its token as a subprotocol beside `lvc`; `lvc` alone is answered."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    async def answer(self, socket: ServerConnection) -> None:
        """Hold one call, from the upgrade to its end."""
        admission = self._admissions.answer(socket)
        if admission is None:
            return
        try:
            await self._hold(socket, admission)
        finally:
            self._admissions.leave(socket)
            if socket.request is not None and _went_too_far(socket):
                self._door.fine(self._door.address(_visit(socket, socket.request)))

    async def _hold(self, socket: ServerConnection, admission: Admission) -> None:
        await give_way()
        line = WebSocketLine(socket, self._blocked_write_s, self._traffic, self._turnstile)
        grant, parameters = admission.grant, admission.parameters
        try:
            query = parse_query(parameters, self._defaults)
            query = replace(query, sid=query.sid or grant.sid or self._proposed_sid(socket))
            await self._check_owner(query.sid, grant.owner)
        except SessionIdError as exc:
            await line.send(_bad_session(exc, parameters, self._defaults))
            await line.close(_CLOSE_POLICY, exc.code)
            return
        kept = self._resumption.find(query.sid, query.bookmark)
        if kept is None or query.bookmark is None:
            await self._begin(line, query, grant.owner)
        else:
            self._admissions.give_up_place(socket)  # the call has its place already
            await kept.resume(line, query.bookmark.position)

    def _proposed_sid(self, socket: ServerConnection) -> str | None:
        return self._door.proposed_sid(_visit(socket, socket.request)) if socket.request is not None else None

    async def _begin(self, connection: WebSocketLine, query: Query, owner: str) -> None:
        kept = self._resumption.keep(connection, query)
        ready = self._resumption.ready(query, kept)
        session = CallSession(kept or connection, self._services, query, self._limits, owner=owner, ready=ready)
        self._calls.add(session)
        if self._draining:  # it was let in before, and has not been asked yet
            await session.drain()
        log.info("call.joined", extra={"session": session.sid, "calls": len(self._calls)})
        self._services.observer.call_began(session, session.sid)
        try:
            await self._run(session, connection, kept)
        finally:
            self._holders.release(session)
            self._services.observer.call_ended(session)
            self._calls.discard(session)
            log.info("call.ended", extra={"session": session.sid, "calls": len(self._calls)})

    async def _check_owner(self, sid: str | None, owner: str) -> None:
        """A conversation is for whoever has a token like the one that began it."""
        if sid is not None and await self._services.store.owner(sid) not in {"", owner}:
            raise SessionIdError("this conversation belongs to somebody else")

    async def _run(self, session: CallSession, connection: WebSocketLine, kept: KeptLine | None) -> None:
        if kept is None:
            await self._holders.take(session)
            await session.run()
            return
        self._resumption.enter(session.sid, kept)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kept.carry(connection))
            try:
                await self._holders.take(session)
                await session.run()
            finally:
                self._resumption.leave(kept)

    async def drain(self, within_s: float) -> None:
        """Take no further calls and let each finish its turn, but no longer than told: then cut off what is left."""
        self._draining = True
        self._resumption.close()
        if not await self._drained(within_s, at_once=False):
            log.warning("drain.cut_short", extra={"calls": len(self._calls)})
            await self._drained(_FAREWELL_S, at_once=True)

    async def all_ended(self) -> None:
        """Wait until nobody is left: calls, those that are about to begin, and those who come back to one."""
        await self._admissions.none_left.wait()

    async def _drained(self, within_s: float, *, at_once: bool) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(session.drain(at_once=at_once) for session in tuple(self._calls)))
                await self.all_ended()
        return self._admissions.none_left.is_set()


def _went_too_far(socket: ServerConnection) -> bool:
    """Whether it was closed for what it sent, or did not read."""
    closed = (socket.close_code, socket.close_reason)
    return getattr(socket, "gone_too_far", False) or closed[0] == _CLOSE_TOO_BIG or closed in _ABUSES


def _visit(connection: ServerConnection, request: Request) -> Visit:
    return Visit(peer_of(connection.remote_address), request.headers.get_all)


def _asks_for_a_websocket(request: Request) -> bool:
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


def _no_call(connection: ServerConnection, page: str) -> Response:
    """To a browser, or a balancer that looks whether anybody is here."""
    where = f" The page is at {page}" if page else ""
    response = connection.respond(HTTPStatus.UPGRADE_REQUIRED, f"Calls are taken here, by WebSocket.{where}\n")
    response.headers["Upgrade"] = "websocket"
    return response


def _refusal(connection: ServerConnection, reason: Refusal) -> Response:
    status, words = _answer(reason)
    response = connection.respond(status, f"{words}\n")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _answer(reason: Refusal) -> tuple[HTTPStatus, str]:
    match reason:
        case "not_found":
            return HTTPStatus.NOT_FOUND, f"calls are taken at {CALL_PATH}"
        case "malformed":
            return HTTPStatus.BAD_REQUEST, "a header came twice that may come once"
        case "unauthorized":
            return HTTPStatus.UNAUTHORIZED, f"{UNAUTHORIZED}: an access token is needed"
        case "origin":
            return HTTPStatus.FORBIDDEN, f"{UNAUTHORIZED}: pages of this origin may not call (ALLOWED_ORIGINS)"
        case "hurried":
            return HTTPStatus.TOO_MANY_REQUESTS, f"{BUSY}: too many handshakes from your address"
        case "crowded":
            return HTTPStatus.TOO_MANY_REQUESTS, f"{BUSY}: too many calls from your address"
        case "full":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: all lines are taken"
        case "lagging" | "loaded":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: the server has more to do than it can"
        case "draining":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: the server is about to stop"
        case _:
            assert_never(reason)


def _bad_session(error: SessionIdError, parameters: Mapping[str, str], defaults: CallConfig) -> bytes:
    """`BotError` to a client whose `sid` is refused, laid out as it asks for its frames."""
    query = parse_query({name: value for name, value in parameters.items() if name != "sid"}, defaults)
    payload = {"error": {"code": error.code, "message": str(error)}}
    return frames.encode(EventFrame(BOT_ERROR, payload, 0 if query.config.turn_ids else None), query.framing)
