"""A bare chat service for what the emulator does not do: it gives prepared answers, and keeps what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.providers.odd_vendor import until


@dataclass(frozen=True)
class Stream:
    """A stream of server-sent events: objects are sent as JSON, strings as they are.

    Attributes:
        hangs: after the last event nothing more comes, but the connection stays.
    """

    events: Sequence[Any]
    hangs: bool = False


@dataclass(frozen=True)
class Refusal:
    """An error instead of a stream.

    Attributes:
        held: it is not sent before this is set.
    """

    status: int
    error: Any
    headers: dict[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None


class OddChat:
    """The service, as a test sees it."""

    def __init__(self, answers: Sequence[Stream | Refusal]) -> None:
        self._answers = list(answers)
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.hung_up = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport.get_extra_info("peername") if request.transport else None)
        answer = self._answers.pop(0)
        if isinstance(answer, Refusal):
            if answer.held is not None:
                await answer.held.wait()
            return web.json_response(answer.error, status=answer.status, headers=answer.headers)
        return await self._stream(request, answer)

    async def _stream(self, request: web.Request, answer: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Request-Id": "req-1"})
        await response.prepare(request)
        for event in answer.events:
            await response.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())
        if answer.hangs:
            await until(lambda: request.transport is None or request.transport.is_closing())
            self.hung_up.set()
        await response.write_eof()
        return response


@asynccontextmanager
async def odd_chat(*answers: Stream | Refusal) -> AsyncIterator[OddChat]:
    """Serve on this machine."""
    chat = OddChat(answers)
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    chat.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield chat
    finally:
        await runner.cleanup()


def text(content: str | None, finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """One chunk."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": content, **delta}, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def usage(prompt: int, completion: int, cached: int | None = None) -> dict[str, Any]:
    """The chunk without a choice."""
    spent: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 0}
    if cached is not None:
        spent["prompt_tokens_details"] = {"cached_tokens": cached}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": spent}


DONE = "[DONE]"
END = (text("", "stop"), DONE)
