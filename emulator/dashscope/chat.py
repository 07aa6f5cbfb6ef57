"""Qwen chat on the OpenAI-compatible path: Ark's service in DashScope's words.

Source: docs "compatibility-of-openai-with-dashscope", "deep-thinking", "error-code".
"""

import re
import uuid
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from emulator import ark
from emulator.ark_request import ArkError, Asked
from emulator.dashscope.access import has_key, new_request_id
from emulator.engines.scripted import Thought
from emulator.house import House

PATH: Final = "/compatible-mode/v1/chat/completions"

_THOUGHTLESS: Final = "qwen-max"
_VERSION: Final = re.compile(r"qwen(\d{1,3})\.(\d{1,3})")
_THINKING_VERSION: Final = (3, 5)
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
        if thinking is True and asked.chat.model.startswith(_THOUGHTLESS):
            reason = f"The model `{asked.chat.model}` does not support enable_thinking."
            raise ArkError(400, reason, code="InvalidParameter.NotSupportEnableThinking")
        if thinking is True and not asked.stream:
            raise ArkError(400, "parameter.enable_thinking must be set to false for non-streaming calls")
        wanted = thinking if isinstance(thinking, bool) else _thinks_unasked(asked.chat.model)
        return await self._completed(replace(asked, chunk_usage=False), thinking=wanted)

    def _check_key(self) -> None:
        if not has_key(self._request.headers, self._house.script):
            raise ArkError(401, _BAD_KEY)

    def _delta(self, token: str) -> dict[str, str | None]:
        thought = isinstance(token, Thought)
        return {"content": None, "reasoning_content": token} if thought else super()._delta(token)


def _thinks_unasked(model: str) -> bool:
    """Qwen from 3.5 on thinks unless told not to, and so does QwQ, which does nothing else."""
    version = _VERSION.match(model)
    newer = version is not None and (int(version[1]), int(version[2])) >= _THINKING_VERSION
    return newer or model.startswith("qwq")
