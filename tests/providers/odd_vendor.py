"""A bare WebSocket server for what the emulator does not do; it accepts any handshake and follows a function."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechFrame, decode, encode

LOG_ID = "LOG-OF-THE-ODD-VENDOR"


async def until(condition: Callable[[], object]) -> None:
    """Let everything else run until this holds; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - the condition is another program's state
        await asyncio.sleep(0.001)


class Caller:
    """One accepted connection, in frames."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def receive(self) -> SpeechFrame:
        """The client's next frame."""
        message = await self.connection.recv()
        assert isinstance(message, bytes)
        return decode(message)

    async def send(self, message: SpeechFrame | bytes | str) -> None:
        """A frame, or raw bytes, or a text message."""
        await self.connection.send(encode(message) if isinstance(message, SpeechFrame) else message)

    async def until_gone(self) -> None:
        """Read and say nothing, until the client leaves."""
        async for _ in self.connection:
            pass


@asynccontextmanager
async def odd_vendor(
    talk: Callable[[Caller], Awaitable[None]], refusals: list[Response] | None = None
) -> AsyncIterator[str]:
    """Serve on this machine; gives the URL.

    Args:
        talk: follows one connection; when it returns, the connection is closed.
        refusals: answers to the first handshakes, instead of an upgrade.
    """
    waiting = list(refusals or [])

    async def follow(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await talk(Caller(connection))

    def answer(_: ServerConnection, __: Request) -> Response | None:
        return waiting.pop(0) if waiting else None

    def sign(_: ServerConnection, __: Request, response: Response) -> None:
        response.headers["X-Tt-Logid"] = LOG_ID

    options: dict[str, Any] = {"process_request": answer, "process_response": sign}
    async with serve(follow, "127.0.0.1", 0, ping_interval=None, close_timeout=0.5, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def event(number: int, ident: str | None, body: Any = None) -> SpeechFrame:
    """A synthesis event with a JSON payload."""
    return SpeechFrame(
        MessageType.SERVER_RESPONSE,
        json_bytes({} if body is None else body),
        serialization=Serialization.JSON,
        event=number,
        ident=ident or "",
    )


def answer(number: int, text: str = "", *, last: bool = False, **more: Any) -> SpeechFrame:
    """A recognition's answer."""
    body = {"audio_info": {"duration": 0}, "result": {"text": text} | more}
    return SpeechFrame(
        MessageType.SERVER_RESPONSE,
        json_bytes(body),
        flags=0b10 if last else 0,
        serialization=Serialization.JSON,
        sequence=-number if last else number,
    )


def error(code: int, text: str = "as the test says") -> SpeechFrame:
    """An error frame."""
    return SpeechFrame(
        MessageType.ERROR, json_bytes({"error": text}), serialization=Serialization.JSON, error_code=code
    )
