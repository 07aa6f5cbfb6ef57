"""One WebSocket of DashScope: messages in and out, and the ways to misbehave."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiohttp import WSMsgType, web

from backend.errors import ProviderError
from emulator import sabotage
from emulator.dashscope import wire
from emulator.dashscope.access import HttpRefusal, admit
from emulator.dashscope.wire import Command, TaskFailure
from emulator.house import House
from emulator.link import HungUp
from emulator.script import Fault, Kind, Service

INTERNAL_ERROR: Final = "InternalError"
GARBAGE: Final = "{this is no message"

log = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_CLOSE_WAIT_S: Final = 2.0
_ENDS: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class Link:
    """One accepted connection.

    Attributes:
        muted: nothing more is said on it.
        idle_close: closes it earlier than the script's limits say.
    """

    def __init__(self, house: House, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._house = house
        self._request = request
        self._socket = socket
        self._stats = house.stats.services["inference"]
        self._counted = self._stats.accept()
        self.muted = False
        self.idle_close: Fault | None = None

    @property
    def response(self) -> web.StreamResponse:
        """What aiohttp wants back from a handler."""
        return self._socket

    @property
    def headers(self) -> dict[str, str]:
        """The handshake's headers that say who asks, without the key."""
        wanted = ("x-dashscope-", "user-agent")
        return {name: value for name, value in self._request.headers.items() if name.lower().startswith(wanted)}

    def begin(self, service: Service, record: dict[str, Any]) -> dict[str, Any]:
        """Count a task, and keep what was asked; the entry may be added to while it runs."""
        return self._house.stats.services[service].begin(self._counted, record)

    async def receive(self) -> Command | bytes | None:
        """The next message; None when the client is gone. Cancelling loses none.

        Raises:
            TaskFailure: a text that is no message of the protocol.
        """
        message = await self._socket.receive()
        if message.type in _ENDS:
            return None
        return wire.read(message.data) if message.type is WSMsgType.TEXT else bytes(message.data)

    async def event(self, name: str, task_id: str, payload: dict[str, Any], **attributes: Any) -> None:
        """Send an event.

        Raises:
            HungUp: the client is gone.
        """
        await self._send(wire.event(name, task_id, payload, **attributes))

    async def audio(self, data: bytes) -> None:
        """Send sound.

        Raises:
            HungUp: the client is gone.
        """
        if self.muted:
            return
        try:
            await self._socket.send_bytes(data)
        except ConnectionError as exc:
            raise HungUp from exc

    async def telling(self, service: Service, task_id: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it; an error that ends the task is told, and a hang-up ends it in silence. Gives whether all went well."""
        try:
            await work()
        except TaskFailure as failure:
            await self._fail(service, task_id, failure)
        except HungUp:
            pass
        except ProviderError as error:
            await self._fail(service, task_id, TaskFailure(INTERNAL_ERROR, error.reason))
        except Exception:
            log.exception("task.failed", extra={"task_id": task_id})
            await self._fail(service, task_id, TaskFailure(INTERNAL_ERROR, "internal error"))
        else:
            return True
        return False

    async def misbehave(self, fault: Fault, task_id: str) -> None:
        """Do what the script says, as far as it concerns the connection.

        Raises:
            TaskFailure: the fault is one.
            HungUp: the fault has cut the connection.
        """
        self._house.stats.struck(fault)
        match fault.kind:
            case Kind.ERROR | Kind.FAIL:
                raise TaskFailure(str(fault.code or INTERNAL_ERROR), fault.message)
            case Kind.STALL:
                self.muted = True
            case Kind.SLOW:
                await asyncio.sleep(fault.ms / 1000)
            case Kind.GARBAGE:
                await self._send(GARBAGE)
            case Kind.WRONG_ORDER:
                await self.event("result-generated", task_id, {"output": {}})
            case Kind.CUT | Kind.RESET | Kind.HALF_CLOSE | Kind.OVERSIZE:
                self.muted = True
                if sabotage.strike(fault, self._request, text=True):
                    raise HungUp

    async def close(self) -> None:
        """Close in order."""
        with suppress(ConnectionError):
            await self._socket.close()

    async def _fail(self, service: Service, task_id: str, failure: TaskFailure) -> None:
        """Say so and hang up: some clients wait for ever on a socket that stays."""
        if self._socket.closed:
            return
        self._house.stats.services[service].errors.append(failure.code)
        with suppress(HungUp):
            await self._send(wire.failed(task_id, failure))
        if not self.muted:
            await self.close()

    async def _send(self, text: str) -> None:
        if self.muted:
            return
        try:
            await self._socket.send_str(text)
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


async def accept(house: House, request: web.Request) -> Link | web.StreamResponse:
    """Answer a handshake: with the connection, or with a refusal."""
    stats = house.stats.services["inference"]
    stats.handshakes += 1
    try:
        fault = await admit(house, "inference", request)
    except HttpRefusal as refusal:
        stats.refused += 1
        stats.errors.append(refusal.code)
        return refusal.response()
    except ConnectionResetError:
        return web.Response(status=503)
    socket = web.WebSocketResponse(timeout=_CLOSE_WAIT_S, max_msg_size=_MAX_MESSAGE_BYTES, compress=False)
    await socket.prepare(request)
    link = Link(house, request, socket)
    link.idle_close = fault
    return link
