"""How the speech services are greeted, and what their refusals mean."""

import json
import re
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from websockets.http11 import Response

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderUnavailable, Stage
from backend.protocol.speech import SpeechFrame
from backend.providers.content import names_content
from backend.providers.volcengine.config import SpeechCredentials

LOG_ID_HEADER: Final = "X-Tt-Logid"

_WAITED_FOR_A_PACKET: Final = 45000081
_OVER_QUOTA: Final = 45000292
_WORTH_ANOTHER_TRY: Final = frozenset({_WAITED_FOR_A_PACKET, _OVER_QUOTA})
_CLIENT_FAULT: Final = range(40_000_000, 50_000_000)
_WORTH_ANOTHER_TRY_HTTP: Final = frozenset({408, 425, 429})
_MAX_REASON_CHARS: Final = 200


def headers(credentials: SpeechCredentials, resource_id: str) -> dict[str, str]:
    """The handshake's headers; either the one key or the older pair, never both.

    Source: Volcengine docs 6561/1354869 and 6561/1329505.
    """
    named = {
        "X-Api-Resource-Id": resource_id,
        "X-Api-Connect-Id": str(uuid4()),
        "X-Api-Request-Id": str(uuid4()),
        "X-Api-Sequence": "-1",
    }
    if credentials.api_key:
        return named | {"X-Api-Key": credentials.api_key}
    return named | {"X-Api-App-Key": credentials.app_id, "X-Api-Access-Key": credentials.access_token}


class Failures:
    """Turns what one service says went wrong into our errors, with its code and log id and without our secrets."""

    def __init__(self, stage: Stage, credentials: SpeechCredentials) -> None:
        self.stage: Stage = stage
        self._credentials = credentials

    def of_code(self, code: int, message: str, log_id: str = "") -> ProviderError:
        """From a code of the vendor's: 4xxxxxxx is our fault and final, 55xxxxxx is worth another try.

        The messages that say the opposite of their code, or that it is about content, are believed before it.
        """
        if names_content(message):
            return ContentRefused(self.stage, self._reason(message), vendor_code=str(code), log_id=log_id)
        final = code in _CLIENT_FAULT and code not in _WORTH_ANOTHER_TRY
        if "quota exceeded for types: concurrency" in message:
            final = False
        elif "mismatched with speaker" in message:
            final = True
        kind = ProviderRefused if final else ProviderUnavailable
        return kind(self.stage, self._reason(message), vendor_code=str(code), log_id=log_id)

    def of_frame(self, frame: SpeechFrame, log_id: str = "") -> ProviderError:
        """From an error frame; its payload is an object with `error`, or whatever else."""
        return self.of_code(frame.error_code or 0, _text_of(_object(frame.payload), frame.payload), log_id)

    def of_event(self, frame: SpeechFrame, log_id: str = "") -> ProviderError:
        """From ConnectionFailed or SessionFailed, or a SessionFinished that is not well."""
        said = _object(frame.payload)
        return self.of_code(_number(said.get("status_code")), _text_of(said, frame.payload), log_id)

    def of_text(self, message: str, log_id: str = "") -> ProviderError:
        """From a text message, which a speech service sends only when something is badly wrong."""
        said = _object(message.encode())
        code = _number(said.get("code") or said.get("status_code"))
        return self.of_code(code, _text_of(said, message.encode()), log_id)

    def of_response(self, response: Response) -> ProviderError:
        """From an answer to the handshake that is no upgrade."""
        said = _object(bytes(response.body))
        head = said["header"] if isinstance(said.get("header"), dict) else said
        log_id = response.headers.get(LOG_ID_HEADER, "")
        code = _number(head.get("code") or response.headers.get("X-Api-Status-Code"))
        text = response.headers.get("X-Api-Message", "") or _text_of(head, b"")
        if code:
            return self.of_code(code, text or f"HTTP {response.status_code}", log_id)
        status = response.status_code
        final = 300 <= status < 500 and status not in _WORTH_ANOTHER_TRY_HTTP
        kind = ProviderRefused if final else ProviderUnavailable
        reason = self._reason(f"HTTP {status} {text}")
        return kind(self.stage, reason, vendor_code=f"HTTP {status}", log_id=log_id)

    def _reason(self, message: str) -> str:
        printable = re.sub(r"[\s\x00-\x1f\x7f]+", " ", self._credentials.scrub(message)).strip()
        return f"the service answered: {printable[:_MAX_REASON_CHARS]}" if printable else "the service gave no reason"


def _object(data: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
        if isinstance(value, dict):
            return value
    return {}


def _text_of(said: dict[str, Any], otherwise: bytes) -> str:
    for key in ("message", "error", "msg"):
        if isinstance(text := said.get(key), str) and text:
            return text
    return otherwise.decode(errors="replace")


def _number(value: object) -> int:
    try:
        return int(value) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0
