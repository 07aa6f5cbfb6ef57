"""Who may call: each handshake is let in or refused, and each connection gets its own session."""

import asyncio
import hmac
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakSet

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from backend.call.moves import Fault
from backend.errors import BUSY, UNAUTHORIZED, SessionIdError
from backend.line import WebSocketLine
from backend.protocol import frames
from backend.protocol.events import BOT_ERROR, CALL_PATH, CallConfig, parse_query
from backend.protocol.frames import EventFrame
from backend.session import CallSession, Services, SessionLimits
from backend.tokens import bearer, offered

log = logging.getLogger(__name__)

PATHS: Final = frozenset({CALL_PATH, "/"})
SUBPROTOCOL: Final = Subprotocol("lvc")
_RETRY_AFTER_S: Final = 5
_CLOSE_POLICY: Final = 1008


class Reception:
    """Keeps the door of the call port.

    Args:
        access_token: what a client has to present; empty lets everyone in.
        max_calls: at this many, further clients are refused.
        defaults: the configuration of a client that asks for nothing.
        blocked_write_s: see `WebSocketLine`.
    """

    def __init__(
        self,
        services: Services,
        limits: SessionLimits,
        defaults: CallConfig,
        *,
        access_token: str,
        max_calls: int,
        blocked_write_s: float,
    ) -> None:
        self._services = services
        self._limits = limits
        self._defaults = defaults
        self._access_token = access_token
        self._max_calls = max_calls
        self._blocked_write_s = blocked_write_s
        self._calls: set[CallSession] = set()
        # from the handshake on, so that a crowd at the door cannot pass the bound; weak, for handshakes that fail
        self._admitted: WeakSet[ServerConnection] = WeakSet()
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        self._draining = False

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._calls)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade: None lets the client in, a response refuses it."""
        if urlsplit(request.path).path not in PATHS:
            return _refusal(connection, HTTPStatus.NOT_FOUND, f"calls are taken at {CALL_PATH}")
        verdict = self.verdict(_presented_token(request))
        if verdict is HTTPStatus.UNAUTHORIZED:
            response = _refusal(connection, HTTPStatus.UNAUTHORIZED, f"{UNAUTHORIZED}: an access token is needed")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        if verdict is HTTPStatus.SERVICE_UNAVAILABLE:
            response = _refusal(connection, HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: all lines are taken")
            response.headers["Retry-After"] = str(_RETRY_AFTER_S)
            return response
        self._admitted.add(connection)
        return None

    def verdict(self, token: str) -> HTTPStatus:
        """What a handshake with this token would be answered now."""
        if self._access_token and not hmac.compare_digest(token.encode(), self._access_token.encode()):
            return HTTPStatus.UNAUTHORIZED
        if self._draining or len(self._admitted) >= self._max_calls:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.SWITCHING_PROTOCOLS

    @staticmethod
    def choose_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """A browser cannot set headers: it offers its token as a subprotocol beside `lvc`; `lvc` alone is answered."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    async def answer(self, socket: ServerConnection) -> None:
        """Hold one call, from the upgrade to its end."""
        try:
            await self._hold(socket)
        finally:
            self._admitted.discard(socket)

    async def _hold(self, socket: ServerConnection) -> None:
        line = WebSocketLine(socket, self._blocked_write_s)
        path = socket.request.path if socket.request is not None else "/"
        try:
            query = parse_query(dict(parse_qsl(urlsplit(path).query)), self._defaults)
        except SessionIdError as exc:
            await line.send(_error_frame(Fault(exc.code, str(exc))))
            await line.close(_CLOSE_POLICY, exc.code)
            return
        session = CallSession(line, self._services, query, self._limits)
        self._calls.add(session)
        self._all_ended.clear()
        log.info("call.joined", extra={"session": session.sid, "calls": len(self._calls)})
        try:
            await session.run()
        finally:
            self._calls.discard(session)
            if not self._calls:
                self._all_ended.set()
            log.info("call.ended", extra={"session": session.sid, "calls": len(self._calls)})

    async def drain(self, within_s: float) -> None:
        """Take no further calls, let each finish its turn, and wait for the last one, but no longer than told."""
        self._draining = True
        try:
            async with asyncio.timeout(within_s):
                for session in tuple(self._calls):
                    await session.drain()
                await self._all_ended.wait()
        except TimeoutError:
            log.warning("drain.cut_short", extra={"calls": len(self._calls)})


def _presented_token(request: Request) -> str:
    headers = request.headers
    return bearer(headers.get("Authorization", "")) or offered(headers.get_all("Sec-WebSocket-Protocol"))


def _refusal(connection: ServerConnection, status: HTTPStatus, reason: str) -> Response:
    log.info("call.refused", extra={"status": status.value})
    return connection.respond(status, f"{reason}\n")


def _error_frame(fault: Fault) -> bytes:
    return frames.encode(EventFrame(BOT_ERROR, {"error": {"code": fault.code, "message": fault.message}}))
