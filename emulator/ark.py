"""Ark chat completions, streamed and whole; the plain OpenAI path is the same service.

Source: docs 82379/1494384 and 82379/1299023.
"""

import asyncio
import time
import uuid
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from backend.protocol.json_text import json_bytes
from emulator import ark_request, sabotage
from emulator.ark_reply import Reply
from emulator.ark_request import ArkError, Asked
from emulator.engines.scripted import Thought
from emulator.house import House
from emulator.script import Fault, Kind

PATHS: Final = ("/api/v3/chat/completions", "/v1/chat/completions")

_DONE: Final = b"data: [DONE]\n\n"
_DATA: Final = b"data: "
_FILLER: Final = b"a" * 65_536
_GARBAGE: Final = b"data: {this is no json\n\n"


async def serve(house: House, request: web.Request) -> web.StreamResponse:
    """One completion."""
    return await answered(house, request, Exchange(house, request))


async def answered(house: House, request: web.Request, exchange: "Exchange") -> web.StreamResponse:
    """Admit one request, count it and answer it."""
    stats = house.stats.services["chat"]
    socket = stats.request_on(house.stats.door.visit(request))
    try:
        body = await exchange.admit()
        stats.begin(socket, {"path": request.path, "json": body})
        return await exchange.answer(ark_request.parse(body))
    except ArkError as error:
        stats.refused += 1
        stats.errors.append(error.code)
        return web.Response(
            status=error.status,
            body=json_bytes(exchange.error_body(error)),
            content_type="application/json",
            headers=exchange.headers,
        )
    except ConnectionError:
        return web.Response()
    finally:
        stats.open -= 1


class Exchange:
    """One request and its answer."""

    def __init__(self, house: House, request: web.Request) -> None:
        self._house = house
        self._request = request
        self.request_id = f"{int(time.time() * 1000):014d}{uuid.uuid4().hex[:24]}"
        self.headers = {"X-Request-Id": self.request_id}
        if client_id := request.headers.get("X-Client-Request-Id"):
            self.headers["X-Client-Request-Id"] = client_id
        self._chunk: dict[str, Any] = {
            "id": self.request_id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": house.loaded.chat.label,
            "service_tier": "default",
        }
        self._fault: Fault | None = None
        self._idle_close: Fault | None = None

    async def admit(self) -> Any:
        """The request's JSON, once the script and the key let it in.

        Raises:
            ArkError: refused.
        """
        fault = self._house.prompter.fault("chat", connecting=True)
        self._fault = self._house.prompter.fault("chat", connecting=False)
        if fault is not None and fault.kind is Kind.CONNECT_STALL:
            self._house.stats.struck(fault)
            await self._house.until_gone(self._request)
            raise ConnectionResetError
        self._idle_close = fault if fault is not None and fault.kind is Kind.IDLE_CLOSE else None
        if fault is not None and fault.kind is Kind.REFUSE:
            self._house.stats.struck(fault)
            raise ArkError(fault.status, fault.message, code=str(fault.code or ""))
        self._check_key()
        try:
            return await self._request.json()
        except (ValueError, RecursionError) as exc:
            raise ArkError(400, "The request body is not JSON.") from exc

    def _check_key(self) -> None:
        scheme, _, key = self._request.headers.get("Authorization", "").partition(" ")
        keys = self._house.script.keys
        if scheme != "Bearer" or not key or (keys and key not in keys):
            raise ArkError(401, "The API key or AK/SK in the request is missing or invalid.")

    def error_body(self, error: ArkError) -> dict[str, Any]:
        """How the vendor puts it."""
        return error.body(self.request_id)

    async def answer(self, asked: Asked) -> web.StreamResponse:
        """The completion, as it was asked for."""
        ark_request.check_stop(asked)
        return await self._completed(asked, thinking=ark_request.wants_thoughts(asked))

    async def _completed(self, asked: Asked, *, thinking: bool) -> web.StreamResponse:
        reply = Reply(self._house, self._house.loaded.chat.reply(asked.chat), asked, thinking=thinking)
        return await (self._stream(asked, reply) if asked.stream else self._whole(reply))

    async def _whole(self, reply: Reply) -> web.StreamResponse:
        try:
            await self._misbehave_whole()
        except ArkError:
            reply.void()
            raise
        async for _ in reply:
            pass
        message = {"role": "assistant", "content": reply.text}
        if reply.thoughts:
            message["reasoning_content"] = reply.thoughts
        choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason, "logprobs": None}
        whole = {**self._chunk, "object": "chat.completion", "choices": [choice], "usage": reply.usage()}
        return web.Response(body=json_bytes(whole), content_type="application/json", headers=self.headers)

    async def _misbehave_whole(self) -> None:
        if self._fault is None:
            return
        self._house.stats.struck(self._fault)
        if self._fault.kind is Kind.STALL:
            await self._house.until_gone(self._request)
        if sabotage.strike(self._fault, self._request) or self._fault.kind is Kind.STALL:
            raise ConnectionResetError
        raise ArkError(500, self._fault.message, code=str(self._fault.code or ""))

    async def _stream(self, asked: Asked, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self.headers, "Cache-Control": "no-cache"})
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        with suppress(ConnectionError):  # the client has gone, or was sent away: aiohttp ends what it began
            await response.prepare(self._request)
            try:
                await self._events(response, asked, reply)
            except ArkError as error:
                reply.void()
                await response.write(_event(self.error_body(error)))
            await response.write_eof()
            self._close_idle()
        return response

    def _close_idle(self) -> None:
        if (fault := self._idle_close) is not None and (transport := self._request.transport) is not None:
            asyncio.get_running_loop().call_later(fault.ms / 1000, self._close, fault, transport)

    def _close(self, fault: Fault, transport: asyncio.BaseTransport) -> None:
        if not transport.is_closing():
            self._house.stats.struck(fault)
            transport.close()

    async def _events(self, response: web.StreamResponse, asked: Asked, reply: Reply) -> None:
        await self._misbehave(response, "start")
        first = True
        async for token in reply:
            if first:
                self._house.stats.stamp("first_token", self.request_id, token)
            usage = reply.usage() if asked.chunk_usage else None
            await response.write(_event(self._with_choice(self._delta(token), None, usage)))
            if first:
                await self._misbehave(response, "mid")
            first = False
        await response.write(_event(self._with_choice({"content": ""}, reply.finish_reason, None)))
        if asked.include_usage:
            await response.write(_event({**self._chunk, "choices": [], "usage": reply.usage()}))
        await response.write(_DONE)

    def _delta(self, token: str) -> dict[str, str | None]:
        return {"reasoning_content": token} if isinstance(token, Thought) else {"content": token}

    def _with_choice(self, delta: dict[str, str | None], finish_reason: str | None, usage: Any) -> dict[str, Any]:
        delta = {"role": "assistant", **delta}
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return {**self._chunk, "choices": [choice], "usage": usage}

    async def _misbehave(self, response: web.StreamResponse, at: str) -> None:
        if self._fault is None or self._fault.at != at:
            return
        self._house.stats.struck(self._fault)
        match self._fault.kind:
            case Kind.ERROR:
                raise ArkError(500, self._fault.message, code=str(self._fault.code or ""))
            case Kind.STALL:
                await self._house.until_gone(self._request)
                raise ConnectionResetError
            case Kind.SLOW:
                await asyncio.sleep(self._fault.ms / 1000)
            case Kind.CUT | Kind.RESET | Kind.HALF_CLOSE:
                sabotage.strike(self._fault, self._request)
                await self._house.until_gone(self._request)
                raise ConnectionResetError
            case Kind.OVERSIZE:
                await response.write(_DATA)
                for _ in range(sabotage.HUGE_BYTES // len(_FILLER)):
                    await response.write(_FILLER)
            case Kind.WRONG_ORDER:
                await response.write(_event(self._with_choice({"content": ""}, "stop", None)))
            case Kind.WRONG_SESSION:
                self._chunk["id"] = f"not-{self.request_id}"
            case _:
                await response.write(_GARBAGE)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json_bytes(value) + b"\n\n"
