"""One vendor WebSocket: the handshake with its refusals, frames in and out, and the ways to misbehave."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSMessage, WSMsgType, web

from backend.errors import ProtocolError, ProviderError
from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechFrame, decode, encode
from emulator import sabotage
from emulator.credentials import Refusal, speech_refusal
from emulator.house import House, new_log_id
from emulator.script import Fault, Kind, Service

BAD_REQUEST: Final = 45000000
INVALID_PARAMETERS: Final = 45000001
SERVER_ERROR: Final = 55000000
GARBAGE: Final = b"\x00\xff\x00\xff this is no frame"

log = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_MAX_REASON_BYTES: Final = 123
_CLOSE_WAIT_S: Final = 2.0
_ENDS: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class VendorError(Exception):
    """The service ends the exchange with this code, as an error frame."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class HungUp(Exception):  # noqa: N818 - says what happened
    """The connection is gone; nobody is left to be told."""


class Link:
    """One accepted connection of a speech service."""

    def __init__(self, house: House, service: Service, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._house = house
        self._request = request
        self._socket = socket
        self._stats = house.stats.services[service]
        self._counted = self._stats.accept()
        self.log_id = socket.headers["X-Tt-Logid"]
        self.connect_id = self.header("X-Api-Connect-Id") or self.header("X-Api-Request-Id")
        self.muted = False
        self._first: WSMessage | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The handshake's vendor headers, without credentials."""
        return {
            name: value
            for name, value in self._request.headers.items()
            if name.lower().startswith(("x-api-", "x-control-"))
            and name.lower() not in ("x-api-key", "x-api-access-key")
        }

    @property
    def response(self) -> web.StreamResponse:
        """What aiohttp wants back from a handler."""
        return self._socket

    def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        """Count a session, and keep what was asked; the entry may be added to while it runs."""
        return self._stats.begin(self._counted, request)

    def header(self, name: str) -> str:
        """One header of the handshake, empty when it is not there."""
        return self._request.headers.get(name, "")

    async def receive(self, timeout_s: float | None = None) -> SpeechFrame | None:
        """The next frame; None when the client is gone.

        Raises:
            VendorError: a message that is no frame.
            TimeoutError: nothing came in time.
        """
        message, self._first = self._first or await self._message(timeout_s), None
        if message.type in _ENDS:
            return None
        if message.type is not WSMsgType.BINARY:
            raise VendorError(BAD_REQUEST, "decode ws request failed: a text message")
        try:
            return decode(message.data)
        except ProtocolError as exc:
            reason = f"decode ws request failed: unable to decode V1 protocol message: {exc}"
            raise VendorError(BAD_REQUEST, reason) from exc

    async def is_used(self, *, within_ms: int) -> bool:
        """Wait so long for a first message, which stays to be received; without one, hang up in order."""
        try:
            self._first = await self._message(within_ms / 1000)
        except TimeoutError:
            await self.close()
        return self._first is not None

    async def _message(self, timeout_s: float | None) -> WSMessage:
        """The next one; pings, which aiohttp answers, win no time (its own timeout begins anew with each)."""
        async with asyncio.timeout(timeout_s):
            return await self._socket.receive()

    async def send(self, frame: SpeechFrame) -> None:
        """Send, unless the script made this connection mute.

        Raises:
            HungUp: the client is gone.
        """
        await self._send_bytes(encode(frame))

    async def fail(self, error: VendorError) -> None:
        """Answer with an error frame and hang up: some clients wait for ever on a socket that stays."""
        if self._socket.closed:
            return
        self.count_error(error.code)
        frame = SpeechFrame(
            MessageType.ERROR,
            json_bytes({"error": error.message}),
            serialization=Serialization.JSON,
            error_code=error.code,
        )
        with suppress(HungUp):
            await self.send(frame)
        if not self.muted:
            await self.close()

    async def telling(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; an error that ends it is told, and a hang-up ends it in silence.

        The work is begun here: a task with this that is cancelled before its first step leaves nothing behind.
        """
        try:
            await work()
        except VendorError as error:
            await self.fail(error)
        except HungUp:
            pass
        except ProviderError as error:
            await self.fail(VendorError(SERVER_ERROR, error.reason))
        except Exception:
            log.exception("session.failed", extra={"log_id": self.log_id})
            await self.fail(VendorError(SERVER_ERROR, "internal error"))

    def count_error(self, code: int) -> None:
        """Remember an answer that was an error."""
        self._stats.errors.append(code)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order; a reason longer than a close frame may carry is cut."""
        cut = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        with suppress(ConnectionError):
            await self._socket.close(code=code, message=cut.encode())

    async def misbehave(self, fault: Fault | None) -> None:
        """Do what the script says, as far as it concerns the connection.

        Raises:
            VendorError: the fault is an error frame.
            HungUp: the fault has cut the connection.
        """
        if fault is not None:
            self._house.stats.struck(fault)
        match fault:
            case Fault(kind=Kind.ERROR):
                raise VendorError(fault_code(fault), fault.message)
            case Fault(kind=Kind.STALL):
                self.muted = True
            case Fault(kind=Kind.SLOW):
                await asyncio.sleep(fault.ms / 1000)
            case Fault(kind=Kind.GARBAGE):
                await self._send_bytes(GARBAGE)
            case Fault(kind=Kind.CUT | Kind.RESET | Kind.HALF_CLOSE | Kind.OVERSIZE):
                self.muted = True
                if sabotage.strike(fault, self._request):
                    raise HungUp

    async def _send_bytes(self, data: bytes) -> None:
        if self.muted:
            return
        try:
            await self._socket.send_bytes(data)
        except ConnectionError as exc:
            raise HungUp from exc

    async def __aenter__(self) -> "Link":
        self._house.sockets.add(self._socket)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._house.sockets.discard(self._socket)
        self._stats.open -= 1
        with suppress(ConnectionError):
            await self._socket.close()


def fault_code(fault: Fault) -> int:
    """The code that the script asks for, or the vendor's for any fault of its own."""
    return fault.code if isinstance(fault.code, int) else SERVER_ERROR


async def accept(
    house: House, service: Service, request: web.Request, resources: frozenset[str]
) -> tuple[Link, Fault | None] | web.StreamResponse:
    """Answer a handshake: with the connection, and the fault that its first answer shall be, or with a refusal."""
    stats = house.stats.services[service]
    stats.handshakes += 1
    fault = house.prompter.fault(service, connecting=True)
    log_id = new_log_id()
    if fault is not None and fault.kind is Kind.CONNECT_STALL:
        house.stats.struck(fault)
        await house.until_gone(request)
        return web.Response(status=503)
    refusal = speech_refusal(request.headers, resources, house.script)
    if fault is not None and fault.kind is Kind.REFUSE:
        house.stats.struck(fault)
        refusal = Refusal(fault.status, fault_code(fault), fault.message)
    if refusal is not None:
        stats.refused += 1
        return refusal.response(request.headers.get("X-Api-Request-Id") or str(uuid.uuid4()), log_id)
    socket = await _upgrade(request, log_id)
    return Link(house, service, request, socket), fault


async def _upgrade(request: web.Request, log_id: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(timeout=_CLOSE_WAIT_S, max_msg_size=_MAX_MESSAGE_BYTES, compress=False)
    socket.headers["X-Tt-Logid"] = log_id
    if connect_id := request.headers.get("X-Api-Connect-Id"):
        socket.headers["X-Api-Connect-Id"] = connect_id
    await socket.prepare(request)
    return socket
