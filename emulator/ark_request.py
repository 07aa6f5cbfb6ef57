"""A chat completion as the client asks for it, and the bodies of what goes wrong."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from emulator.engines.base import ChatRequest

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
_DEFAULT_MAX_TOKENS: Final = 4096
_MOST_STOPS: Final = 4
_TYPES: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    500: "InternalServerError",
}
_CODES: Final = {
    400: "InvalidParameter",
    401: "AuthenticationError",
    403: "AccessDenied",
    404: "InvalidEndpointOrModel.NotFound",
    429: "RateLimitExceeded.EndpointRPMExceeded",
}


class ArkError(Exception):
    """The service answers with an error."""

    def __init__(self, status: int, message: str, *, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or _CODES.get(status, "InternalServiceError")
        self.param = param

    def body(self, request_id: str) -> dict[str, Any]:
        """The vendor's error object."""
        return {
            "error": {
                "code": self.code,
                "message": f"{self.message} Request id: {request_id}",
                "param": self.param,
                "type": _TYPES.get(self.status) or HTTPStatus(self.status).phrase.replace(" ", ""),
            }
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What the service itself needs to know; the rest is the engine's.

    Attributes:
        stop: strings that end the answer before the first of them.
    """

    chat: ChatRequest
    stream: bool
    include_usage: bool
    chunk_usage: bool
    max_tokens: int
    stop: tuple[str, ...]


def parse(body: Any) -> Asked:
    """Read a request; null counts as absent, and unknown keys are ignored.

    Raises:
        ArkError: a required field is missing, or a value has the wrong type.

    Source: docs 82379/1494384.
    """
    if not isinstance(body, dict):
        raise ArkError(400, "The request body is not a JSON object.")
    model = _value(body, "model", "")
    if not model:
        raise _missing("model")
    options = _value(body, "stream_options", {})
    max_tokens = _value(body, "max_tokens", 0) or _value(body, "max_completion_tokens", 0)
    temperature = body.get("temperature")
    if temperature is not None and (not isinstance(temperature, int | float) or not 0 <= temperature <= 2):
        raise _wrong("temperature", "must be between 0 and 2")
    if max_tokens < 0:
        raise _wrong("max_tokens", "must be positive")
    known = {"model", "messages", "max_tokens", "temperature"}
    extra = {key: value for key, value in body.items() if key not in known and value is not None}
    return Asked(
        chat=ChatRequest(model, _messages(body), max_tokens or None, temperature, extra),
        stream=_value(body, "stream", False),
        include_usage=_value(options, "include_usage", False),
        chunk_usage=_value(options, "chunk_include_usage", False),
        max_tokens=max_tokens or _DEFAULT_MAX_TOKENS,
        stop=_stop(body.get("stop")),
    )


def wants_thoughts(asked: Asked) -> bool:
    """Whether reasoning shall be told; on Ark, unless the request switches it off."""
    thinking = asked.chat.extra.get("thinking")
    off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    return not off and asked.chat.extra.get("reasoning_effort") != "minimal"


def check_stop(asked: Asked) -> None:
    """Ark takes so many stop strings and no more.

    Raises:
        ArkError: there are more.
    """
    if len(asked.stop) > _MOST_STOPS:
        raise _wrong("stop", f"at most {_MOST_STOPS} strings")


def _stop(value: Any) -> tuple[str, ...]:
    strings = [value] if isinstance(value, str) else value or []
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        raise _wrong("stop", "must be a string or a list of strings")
    return tuple(strings)


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[Any] = _value(body, "messages", [])
    if not messages:
        raise _missing("messages")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise _wrong(f"messages[{place}].role", "is not a role")
        content = message.get("content")
        if not isinstance(content, str | list) and message["role"] != "assistant":
            raise _wrong(f"messages[{place}].content", "must be a string or a list of parts")
    return messages


def _value(part: dict[str, Any], key: str, default: Any) -> Any:
    value = part.get(key)
    if value is None:
        return default
    if type(value) is not type(default):
        raise _wrong(key, f"must be of type {type(default).__name__}")
    return value


def _missing(key: str) -> ArkError:
    message = f"The request failed because it is missing `{key}` parameter."
    return ArkError(400, message, code="MissingParameter", param=key)


def _wrong(key: str, reason: str) -> ArkError:
    message = f"The parameter `{key}` specified in the request is not valid: {reason}."
    return ArkError(400, message, code="InvalidParameter", param=key)
