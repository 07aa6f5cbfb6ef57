"""Who may call: each handshake is let in or refused, and each connection gets its own session."""

import asyncio
import hmac
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, assert_never
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakSet

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from backend.call.moves import Fault
from backend.errors import BUSY, RETRY_AFTER_S, UNAUTHORIZED, SessionIdError
from backend.holders import Holders
from backend.line import WebSocketLine
from backend.loop_lag import LoopLag
from backend.protocol import frames
from backend.protocol.events import BOT_ERROR, CALL_PATH, CallConfig, parse_query
from backend.protocol.frames import EventFrame
from backend.session import CallSession, Services, SessionLimits
from backend.telemetry.observer import Refusal
from backend.telemetry.readings import Readings, Traffic
from backend.tokens import bearer, offered

log = logging.getLogger(__name__)

PATHS: Final = frozenset({CALL_PATH, "/"})
SUBPROTOCOL: Final = Subprotocol("lvc")
_CLOSE_POLICY: Final = 1008


class Reception:
    """Keeps the door of the call port.

    Args:
        access_token: what a client has to present; empty lets everyone in.
        max_calls: at this many, further clients are refused.
        defaults: the configuration of a client that asks for nothing.
        blocked_write_s: see `WebSocketLine`.
        lag: while it is too late, further clients are refused, so that those who were let in keep their pace.
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
        lag: LoopLag | None = None,
    ) -> None:
        self._services = services
        self._lag = lag or LoopLag(0)
        self._traffic = Traffic()
        self._limits = limits
        self._defaults = defaults
        self._access_token = access_token
        self._max_calls = max_calls
        self._blocked_write_s = blocked_write_s
        self._calls: set[CallSession] = set()
        self._holders = Holders(services.store)
        # from the handshake on, so that a crowd at the door cannot pass the bound; weak, for handshakes that fail
        self._admitted: WeakSet[ServerConnection] = WeakSet()
        self._all_ended = asyncio.Event()
        self._all_ended.set()
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
            loop_lag_ms=self._lag.lag_ms,
            up_bytes=self._traffic.up_bytes,
            down_bytes=self._traffic.down_bytes,
        )

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade: None lets the client in, a response refuses it."""
        known = urlsplit(request.path).path in PATHS
        reason = self._reason_to_refuse(_presented_token(request)) if known else "not_found"
        if reason is None:
            self._admitted.add(connection)
            return None
        log.info("call.refused", extra={"reason": reason})
        self._services.observer.call_refused(reason)
        return _refusal(connection, reason)

    def verdict(self, token: str) -> HTTPStatus:
        """What a handshake with this token would be answered now."""
        reason = self._reason_to_refuse(token)
        return HTTPStatus.SWITCHING_PROTOCOLS if reason is None else _answer(reason)[0]

    def _reason_to_refuse(self, token: str) -> Refusal | None:
        if self._access_token and not hmac.compare_digest(token.encode(), self._access_token.encode()):
            return "unauthorized"
        return self._busy()

    def _busy(self) -> Refusal | None:
        if self._draining:
            return "draining"
        if len(self._admitted) >= self._max_calls:
            return "full"
        # a machine too slow for one call is so with or without a guard
        return "lagging" if self._lag.too_late and self._calls else None

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
        line = WebSocketLine(socket, self._blocked_write_s, self._traffic)
        path = socket.request.path if socket.request is not None else "/"
        try:
            query = parse_query(dict(parse_qsl(urlsplit(path).query, keep_blank_values=True)), self._defaults)
        except SessionIdError as exc:
            await line.send(_error_frame(Fault(exc.code, str(exc))))
            await line.close(_CLOSE_POLICY, exc.code)
            return
        session = CallSession(line, self._services, query, self._limits)
        self._calls.add(session)
        self._all_ended.clear()
        log.info("call.joined", extra={"session": session.sid, "calls": len(self._calls)})
        self._services.observer.call_began(session, session.sid)
        try:
            await self._holders.take(session)
            await session.run()
        finally:
            self._holders.release(session)
            self._services.observer.call_ended(session)
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


def _refusal(connection: ServerConnection, reason: Refusal) -> Response:
    status, words = _answer(reason)
    response = connection.respond(status, f"{words}\n")
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _answer(reason: Refusal) -> tuple[HTTPStatus, str]:
    match reason:
        case "not_found":
            return HTTPStatus.NOT_FOUND, f"calls are taken at {CALL_PATH}"
        case "unauthorized":
            return HTTPStatus.UNAUTHORIZED, f"{UNAUTHORIZED}: an access token is needed"
        case "full":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: all lines are taken"
        case "lagging":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: the server has more to do than it can"
        case "draining":
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{BUSY}: the server is about to stop"
        case _:
            assert_never(reason)


def _error_frame(fault: Fault) -> bytes:
    return frames.encode(EventFrame(BOT_ERROR, {"error": {"code": fault.code, "message": fault.message}}))
