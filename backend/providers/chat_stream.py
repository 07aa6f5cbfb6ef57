"""Streaming chat in the shape that OpenAI gave it, which Ark and many others share: one policy for all of them.

What is read of a stream is read leniently; what a library raises becomes one of our errors here and nowhere else.
"""

import asyncio
import gc
import importlib
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from backend.errors import ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.marks import on_request_sent
from backend.ports import ChatItem, ChatUsage, Message, TextDelta
from backend.providers.sockets import is_loopback

log = logging.getLogger(__name__)

_MAX_REASON_CHARS: Final = 200
_MASK: Final = "***"
_FINAL_CODES: Final = ("QuotaExceeded", "SetLimitExceeded", "insufficient_quota")
"""Answered with 429 like a momentary overload, but waiting does not help."""
_FINAL_CODES_IN_A_STREAM: Final = (
    *_FINAL_CODES,
    *("Invalid", "Missing", "Sensitive", "InputText", "OutputText", "Authentication", "AccessDenied"),
    *("AccountOverdue", "OperationDenied", "ModelNotOpen", "UnsupportedModel"),
    *("invalid_", "data_inspection_failed", "model_not_found", "access_denied", "Arrearage", "DataInspectionFailed"),
)
_WORTH_ANOTHER_TRY: Final = frozenset({408, 409, 425, 429})

ODD_ANSWERS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What client libraries let escape when a service sends what is no chunk."""


@dataclass(frozen=True, slots=True)
class ChatTimes:
    """How long a reply may take; see the adapters' own settings."""

    first_token_s: float
    token_s: float
    connect_s: float
    retry_backoff_s: float
    keepalive_s: float


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded client library.

    Attributes:
        client: its asynchronous client, with retries of its own switched off.
        timeouts, errors: what it raises; a timeout is looked for first.
    """

    client: Any
    timeouts: tuple[type[Exception], ...]
    errors: tuple[type[Exception], ...]


class Chunks(Protocol):
    """An open stream of a library."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """The chunks."""

    async def close(self) -> None:
        """End the request."""


class StreamedChat(ABC):
    """`ChatModel` over one library. It is loaded in a thread, as importing it takes seconds."""

    def __init__(self, times: ChatTimes, secrets: Sequence[str]) -> None:
        self._times = times
        self._secrets = [secret for secret in secrets if secret]
        self._library: Library | None = None
        self._loading = asyncio.Lock()

    @abstractmethod
    def _load(self) -> Library:
        """Import the library and make its client."""

    @abstractmethod
    async def _create(self, library: Library, messages: Sequence[Mapping[str, str]], *, amended: bool) -> Chunks:
        """Send the request, if need be in the form that `_can_amend` promised."""

    def _can_amend(self, error: ProviderError) -> bool:
        """Whether another form of the request may please a service that refused this one."""
        return False

    def _amend_always(self) -> None:
        """The other form worked: use it from now on."""
        log.info("chat.amended")

    async def warm(self) -> None:
        """Load the library in a thread, so that the first reply need not."""
        await self._loaded()

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[ChatItem, None]:
        """Stream the answer. Closing the iterator ends the request.

        Raises:
            ProviderError: with stage `llm`. It is raised after one more try, if nothing had been received and
                another try could help.
        """
        answer = await self._begin([{"role": message.role, "content": message.text} for message in messages])
        try:
            while (item := await answer.next_item()) is not None:
                yield item
        finally:
            await answer.close()

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._library is not None:
            await self._library.client.close()

    async def _begin(self, messages: Sequence[Mapping[str, str]]) -> "_Answer":
        library = await self._loaded()
        now = asyncio.get_running_loop().time
        deadline = now() + self._times.first_token_s
        retried = amended = False
        while True:
            answer = _Answer(library, self._times, self._secrets, deadline)
            try:
                await answer.begin(self._create(library, messages, amended=amended))
            except ProviderError as error:
                if not amended and self._can_amend(error):
                    amended = True
                    continue
                too_late = now() + self._times.retry_backoff_s >= deadline
                if retried or too_late or not error.retryable:
                    raise
                log.info("chat.retry", extra={"reason": str(error)})
            else:
                if amended:
                    self._amend_always()
                return answer
            retried = True
            await asyncio.sleep(self._times.retry_backoff_s)

    async def _loaded(self) -> Library:
        async with self._loading:
            if self._library is None:
                self._library = await asyncio.to_thread(self._load)
                # hundreds of thousands of objects that live as long as the process: a collector that goes through them
                # holds every call up for tens of milliseconds
                gc.collect()
                gc.freeze()
            return self._library


class _Answer:
    """One request and its stream, with its deadlines."""

    def __init__(self, library: Library, times: ChatTimes, secrets: Sequence[str], deadline: float) -> None:
        self._library = library
        self._times = times
        self._secrets = secrets
        self._deadline = deadline
        self._stream: Chunks | None = None
        self._chunks: Any = None
        self._items: deque[ChatItem] = deque()
        self._usage: ChatUsage | None = None
        self._has_text = False
        self._finish_reason = ""
        self._ended = False

    async def begin(self, request: Any) -> None:
        """Send the request and wait for the first text, or for the end of an answer without any."""
        try:
            self._stream = await self._within(request)
            self._chunks = aiter(self._stream)
            while not self._items and not self._ended:
                await self._take()
        except BaseException:
            await self.close()
            raise

    async def next_item(self) -> ChatItem | None:
        """The next piece of the answer; None at its end."""
        while not self._items and not self._ended:
            await self._take()
        return self._items.popleft() if self._items else None

    async def close(self) -> None:
        """End the request, whether or not it is over."""
        self._ended = True
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                await stream.close()
            except self._library.errors:
                log.debug("chat.close_failed")

    async def _take(self) -> None:
        chunk = await self._within(anext(self._chunks, None))
        if chunk is None:
            self._conclude()
            return
        text, finish_reason, usage = read_chunk(chunk)
        self._finish_reason = finish_reason or self._finish_reason
        self._usage = usage or self._usage  # the last one counts: some services send a running sum
        self._has_text = self._has_text or bool(text)
        if self._has_text:
            self._deadline = asyncio.get_running_loop().time() + self._times.token_s
        if text:
            self._items.append(TextDelta(text))

    def _conclude(self) -> None:
        self._ended = True
        if not self._finish_reason:
            raise ProviderUnavailable("llm", "the answer broke off")
        if self._finish_reason == "content_filter" and not self._has_text:
            raise ProviderRefused("llm", "the service withheld the answer", vendor_code="content_filter")
        if self._usage is not None:
            self._items.append(self._usage)

    async def _within(self, work: Any) -> Any:
        timer = asyncio.timeout_at(self._deadline)
        try:
            async with timer:
                return await work
        except TimeoutError as exc:
            if timer.expired():
                raise self._timeout() from exc
            raise failure(exc, self._library, self._secrets) from exc
        except (*self._library.timeouts, *self._library.errors) as exc:
            echoes = any(secret in str(exc) for secret in self._secrets)  # a traceback would show it
            raise failure(exc, self._library, self._secrets) from (None if echoes else exc)

    def _timeout(self) -> ProviderTimeout:
        if self._has_text:
            return ProviderTimeout("llm", f"the answer paused for more than {self._times.token_s:g} s")
        return ProviderTimeout("llm", f"no answer within {self._times.first_token_s:g} s")


def read_chunk(chunk: Any) -> tuple[str, str, ChatUsage | None]:
    """Text, finish reason and usage of one chunk; what is missing is empty."""
    choices = getattr(chunk, "choices", None) or []
    delta = getattr(choices[0], "delta", None) if choices else None
    text = getattr(delta, "content", None)
    finish_reason = getattr(choices[0], "finish_reason", None) if choices else None
    return (
        text if isinstance(text, str) else "",
        finish_reason if isinstance(finish_reason, str) else "",
        _usage(getattr(chunk, "usage", None)),
    )


def failure(exc: Exception, library: Library, secrets: Sequence[str]) -> ProviderError:
    """Our error for one of a library's, with the service's code and its id of the request."""
    if isinstance(exc, library.timeouts):
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
    kind = ProviderRefused if final else ProviderUnavailable
    return kind("llm", _reason(exc, secrets), vendor_code=vendor_code, log_id=_log_id(exc))


def http_client(module: str, base_url: str, times: ChatTimes) -> Any:
    """An HTTP client that keeps connections from turn to turn, and asks no proxy for this machine's own services.

    Args:
        module: `httpx` or its successor, whichever the library wants.
    """
    httpx = importlib.import_module(module)
    slack_s = 5.0  # our own deadlines come first; these only guard against a mistake in them
    return httpx.AsyncClient(
        timeout=httpx.Timeout(times.first_token_s + times.token_s + slack_s, connect=times.connect_s),
        limits=httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=times.keepalive_s),
        trust_env=not is_loopback(urlsplit(base_url).hostname),
        event_hooks={"request": [_tell_when_sent]},
    )


async def _tell_when_sent(request: Any) -> None:
    """The library takes milliseconds to put a request together; who measures wants the moment after that."""
    if (sent := on_request_sent.get()) is None:
        return

    async def trace(event: str, _info: Any) -> None:
        if event.endswith("send_request_body.complete"):
            sent()

    request.extensions["trace"] = trace


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


def _usage(value: Any) -> ChatUsage | None:
    prompt, completion = getattr(value, "prompt_tokens", None), getattr(value, "completion_tokens", None)
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    cached = getattr(getattr(value, "prompt_tokens_details", None), "cached_tokens", None)
    return ChatUsage(prompt, completion, cached if isinstance(cached, int) else 0)
