"""What DashScope's refusals mean, without our secrets."""

import json
import re
from contextlib import suppress
from typing import Any, Final

from websockets.http11 import Response

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderUnavailable, Stage
from backend.providers.content import is_of_content
from backend.providers.dashscope.wire import Event, said

_MASK: Final = "***"
_MAX_REASON_CHARS: Final = 200
_WORTH_ANOTHER_TRY: Final = (
    *("CLIENT_ERROR", "ResponseTimeout", "RequestTimeOut", "Throttling"),
    *("InternalError", "SystemError", "ModelUnavailable", "ServiceUnavailable"),
)
"""Beginnings of codes. Others are a wrong key, parameter or voice, or a quota: they fail again."""
_WORTH_ANOTHER_TRY_HTTP: Final = frozenset({408, 425, 429})
_NO_SPEECH: Final = frozenset({"NO_VALID_AUDIO_ERROR", "NO_INPUT_AUDIO_ERROR"})


class Failures:
    """Turns what the service says went wrong into our errors, with its code and its id of the exchange."""

    def __init__(self, stage: Stage, api_key: str) -> None:
        self.stage: Stage = stage
        self._api_key = api_key

    def of_event(self, event: Event) -> ProviderError:
        """From task-failed; without a code another try may help."""
        final = bool(event.code) and not event.code.startswith(_WORTH_ANOTHER_TRY)
        return self._made(final, event.message, event.code, event.request_id or event.task_id)

    def of_response(self, response: Response) -> ProviderError:
        """From an answer to the handshake that is no upgrade."""
        return self.of_answer(response.status_code, bytes(response.body), response.headers.get("X-Request-Id", ""))

    def of_answer(self, status: int, data: bytes, log_id: str = "") -> ProviderError:
        """From an answer over HTTP that is no success."""
        body = _object(data)
        final = 300 <= status < 500 and status not in _WORTH_ANOTHER_TRY_HTTP
        log_id = said(body, "request_id") or log_id
        message = said(body, "message") or f"HTTP {status}"
        return self._made(final, message, said(body, "code") or f"HTTP {status}", log_id)

    def unavailable(self, reason: str, log_id: str) -> ProviderUnavailable:
        """What came makes no sense."""
        return ProviderUnavailable(self.stage, reason, log_id=log_id)

    def _made(self, final: bool, message: str, code: str, log_id: str) -> ProviderError:
        refused = ContentRefused if is_of_content(code) else ProviderRefused
        kind = refused if final else ProviderUnavailable
        text = message.replace(self._api_key, _MASK) if self._api_key else message
        printable = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()[:_MAX_REASON_CHARS]
        reason = f"the service answered: {printable}" if printable else "the service gave no reason"
        return kind(self.stage, reason, vendor_code=code, log_id=log_id)


def is_silence(error: ProviderError) -> bool:
    """Whether it only says that nobody spoke."""
    return error.vendor_code in _NO_SPEECH


def _object(data: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
        if isinstance(value, dict):
            return value
    return {}
