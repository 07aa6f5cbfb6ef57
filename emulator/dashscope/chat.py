"""Qwen chat on the OpenAI-compatible path: Ark's service in DashScope's words.

Source: docs "compatibility-of-openai-with-dashscope", "deep-thinking", "error-code".
"""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from emulator import ark
from emulator.ark_request import ArkError, Asked
from emulator.dashscope.access import has_key, new_request_id
from emulator.engines.base import ChatRequest
from emulator.engines.scripted import Thought
from emulator.house import House

PATH: Final = "/compatible-mode/v1/chat/completions"

_FAMILIES: Final = ("qwen", "qwq", "tongyi")
_BAD_KEY: Final = "Incorrect API key provided."
_CODES: Final = {
    400: "invalid_parameter_error",
    401: "invalid_api_key",
    403: "access_denied",
    404: "model_not_found",
    429: "limit_requests",
    500: "internal_error",
    503: "ModelUnavailable",
}
_TYPES: Final = {401: "invalid_request_error", 404: "invalid_request_error"}


async def serve(house: House, request: web.Request) -> web.StreamResponse:
    """One completion."""
    return await ark.answered(house, request, QwenExchange(house, request))


class QwenExchange(ark.Exchange):
    """One request and its answer."""

    def __init__(self, house: House, request: web.Request) -> None:
        super().__init__(house, request)
        self.request_id = new_request_id()
        self.headers = {"X-Request-Id": self.request_id}
        del self._chunk["service_tier"]
        self._chunk.update(id=f"chatcmpl-{uuid.uuid4()}", system_fingerprint=None)

    def error_body(self, error: ArkError) -> dict[str, Any]:
        """The vendor's error object; an error that the script did not name has the status's usual code."""
        unnamed = ArkError(error.status, "").code == error.code
        code = _CODES.get(error.status, "internal_error") if unnamed else error.code
        said = {"message": error.message, "type": _TYPES.get(error.status, code), "param": None, "code": code}
        return {"error": said, "request_id": self.request_id}

    async def answer(self, asked: Asked) -> web.StreamResponse:
        """The completion; without its thoughts where thinking is off."""
        if not asked.chat.model.startswith(_FAMILIES):
            raise ArkError(404, f"The model `{asked.chat.model}` does not exist or you do not have access to it.")
        thinking = asked.chat.extra.get("enable_thinking")
        if thinking is True and not asked.stream:
            raise ArkError(400, "parameter.enable_thinking must be set to false for non-streaming calls")
        tokens = self._tokens(asked.chat, thinking=thinking is not False)
        reply = ark.Reply(self._house, tokens, replace(asked, chunk_usage=False))
        return await (self._stream(asked, reply) if asked.stream else self._whole(reply))

    def _check_key(self) -> None:
        if not has_key(self._request.headers, self._house.script):
            raise ArkError(401, _BAD_KEY)

    async def _tokens(self, chat: ChatRequest, *, thinking: bool) -> AsyncIterator[str]:
        async for token in self._house.loaded.chat.reply(chat):
            if thinking or not isinstance(token, Thought):
                yield token
