"""What a chat library raises, as one of our errors."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.providers.content import CONTENT_CODES, is_of_content

_MAX_REASON_CHARS: Final = 200
_MASK: Final = "***"
_FINAL_CODES: Final = ("QuotaExceeded", "SetLimitExceeded", "insufficient_quota")
"""Answered with 429 like a momentary overload, but waiting does not help."""
_FINAL_CODES_IN_A_STREAM: Final = (
    *_FINAL_CODES,
    *CONTENT_CODES,
    *("Invalid", "Missing", "Authentication", "AccessDenied"),
    *("AccountOverdue", "OperationDenied", "ModelNotOpen", "UnsupportedModel"),
    *("invalid_", "model_not_found", "access_denied", "Arrearage"),
)
_WORTH_ANOTHER_TRY: Final = frozenset({408, 409, 425, 429})

ODD_ANSWERS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What client libraries let escape when a service sends what they do not expect."""


class Connections(Protocol):
    """The connections of a client; see `ChatConnections`."""

    async def warm(self) -> None:
        """Have one ready, if that can be."""

    def in_use(self) -> AbstractContextManager[None]:
        """For as long as a request is under way."""

    async def aclose(self) -> None:
        """Let go of all of them."""


@dataclass(frozen=True, slots=True)
class ChatClient:
    """The client of a chat library that was loaded, and what there is to know about that library.

    Attributes:
        sdk: the library's own asynchronous client, with its retries switched off.
        connections: those that it uses.
        timeouts, errors: what it raises; a timeout is looked for first.
        is_cut: whether what looks like a timeout is a connection that was closed.
        response: the type of what the HTTP client that it was given answers with.
    """

    sdk: Any
    connections: Connections
    timeouts: tuple[type[Exception], ...]
    errors: tuple[type[Exception], ...]
    is_cut: Callable[[BaseException], bool] = lambda _: False
    response: Any = None


def failure(exc: Exception, client: ChatClient, secrets: Sequence[str]) -> ProviderError:
    """Our error for one of a library's, with the service's code and its id of the request."""
    if isinstance(exc, client.timeouts) and not client.is_cut(exc):
        return ProviderTimeout("llm", "the service did not answer in time", log_id=_log_id(exc))
    code = getattr(exc, "code", None)
    status = getattr(exc, "status_code", None)
    if not isinstance(status, int) and not code:
        reason = "the connection to the service failed"
        return ProviderUnavailable("llm", reason, log_id=_log_id(exc))
    vendor_code = str(code or f"HTTP {status}")
    if isinstance(status, int):
        overloaded = status in _WORTH_ANOTHER_TRY or status >= 500
        final = vendor_code.startswith(_FINAL_CODES) or not overloaded
    else:
        final = vendor_code.startswith(_FINAL_CODES_IN_A_STREAM)
    refused = ContentRefused if is_of_content(vendor_code) else ProviderRefused
    kind = refused if final else ProviderUnavailable
    return kind("llm", _reason(exc, secrets), vendor_code=vendor_code, log_id=_log_id(exc))


def _reason(exc: Exception, secrets: Sequence[str]) -> str:
    body = getattr(exc, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    text = said if isinstance(said, str) and said else str(getattr(exc, "message", ""))
    for secret in secrets:
        text = text.replace(secret, _MASK)
    text = " ".join(text.split())[:_MAX_REASON_CHARS]
    return f"the service answered: {text}" if text else "the service gave no reason"


def _log_id(exc: Exception) -> str:
    response = getattr(exc, "response", None)
    headers = getattr(response, "headers", {})
    return str(headers.get("x-request-id") or getattr(exc, "request_id", None) or _id_in_body(response))


def _id_in_body(response: Any) -> str:
    """DashScope names the request beside the error."""
    with suppress(*ODD_ANSWERS, RuntimeError):  # a body that was never read is a RuntimeError
        if isinstance(request_id := response.json()["request_id"], str):
            return request_id
    return ""
