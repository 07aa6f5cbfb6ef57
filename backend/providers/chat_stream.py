"""Streaming chat in the shape that OpenAI gave it, which Ark and many others share: one policy for all of them.

What is read of a stream is read leniently; what a library raises becomes one of our errors here and nowhere else.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.deadline import Deadline
from backend.errors import ContentRefused, ProviderError, ProviderTimeout, ProviderUnavailable
from backend.expenses import ChatTab, payer, sending
from backend.ports import ChatItem, ChatUsage, Message, TextDelta
from backend.process import garbage
from backend.providers.chat_chunks import Chunks, model_of, read_chunk
from backend.providers.chat_failure import ChatClient, failure
from backend.providers.reserve import ReserveLimits

log = logging.getLogger(__name__)

MAX_REPLY_CHARS: Final = 20_000
"""More than is ever asked for, and than anyone would listen to."""
Asked = Sequence[Mapping[str, str]]
"""The messages of a conversation, as they are sent."""
_END: Final = object()
_ENDPOINT: Final = "ep-"
"""How the name of an endpoint of Ark begins: only the answer says which model is behind it."""


@dataclass(frozen=True, slots=True)
class ChatTimes:
    """How long a reply may take; see the adapters' own settings."""

    first_token_s: float
    token_s: float
    connect_s: float
    retry_backoff_s: float
    keepalive_s: float
    spares: ReserveLimits


class StreamedChat(ABC):
    """`ChatModel` over one library. It is loaded in a thread, as importing it takes seconds.

    A model may refuse a parameter. The request is then repeated without it, and once that has worked no other request
    has it either.

    Args:
        billed_as: the model's name in the price table.
    """

    def __init__(self, times: ChatTimes, secrets: Sequence[str], billed_as: str) -> None:
        self._times = times
        self._billed_as = billed_as
        self._secrets = [secret for secret in secrets if secret]
        self._client: ChatClient | None = None
        self._left_out: frozenset[str] = frozenset()
        self._loading = asyncio.Lock()

    @abstractmethod
    def _load(self) -> ChatClient:
        """Import the library and make its client."""

    @abstractmethod
    async def _create(self, client: ChatClient, messages: Asked, left_out: frozenset[str]) -> Any:
        """Send a request without these parameters; gives the HTTP client's response, unread."""

    def _refused(self, error: ProviderError, left_out: frozenset[str]) -> frozenset[str]:
        """Which parameters of a request that left these out the service may have refused it for."""
        return frozenset()

    def _learn(self, left_out: frozenset[str]) -> None:
        """A request without these has worked."""
        if news := left_out - self._left_out:
            self._left_out |= news
            log.info("chat.amended", extra={"parameters": sorted(news)})

    async def warm(self) -> None:
        """Load the library in a thread and open a connection, so that no reply need wait for them.

        No request is sent, and a connection that cannot be opened is no error: the reply will tell.
        """
        await (await self._loaded()).connections.warm()

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[ChatItem, None]:
        """Stream the answer. Closing the iterator ends the request.

        Raises:
            ProviderError: with stage `llm`. It is raised after one more try, if nothing had been received and
                another try could help.
        """
        asked = [{"role": message.role, "content": message.text} for message in messages]
        client = await self._loaded()
        with client.connections.in_use():
            answer = await self._begin(client, asked)
            try:
                while (item := await answer.next_item()) is not None:
                    yield item
            finally:
                await answer.close()

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._client is not None:
            await self._client.connections.aclose()
            await self._client.sdk.close()

    async def _begin(self, client: ChatClient, messages: Asked) -> "_Answer":
        now = asyncio.get_running_loop().time
        deadline = now() + self._times.first_token_s
        prompt_chars = sum(len(message["content"]) for message in messages)
        retried, left_out = False, self._left_out
        while True:
            tab = payer.get().asks(self._billed_as, prompt_chars)
            answer = _Answer(client, self._times, self._secrets, deadline, tab)
            try:
                await answer.begin(self._create(client, messages, left_out))
            except ProviderError as error:
                if refused := self._refused(error, left_out) - left_out:
                    left_out |= refused
                    continue
                too_late = now() + self._times.retry_backoff_s >= deadline
                if retried or too_late or not error.retryable:
                    raise
                log.info("chat.retry", extra={"reason": str(error)})
            else:
                self._learn(left_out)
                return answer
            retried = True
            await asyncio.sleep(self._times.retry_backoff_s)

    async def _loaded(self) -> ChatClient:
        async with self._loading:
            if self._client is None:
                self._client = await asyncio.to_thread(self._load)
                garbage.keep_what_is_there()
            return self._client


class _Answer:
    """One request and its stream, with its deadlines."""

    def __init__(
        self, client: ChatClient, times: ChatTimes, secrets: Sequence[str], deadline: float, tab: ChatTab
    ) -> None:
        self._client = client
        self._tab = tab
        self._times = times
        self._secrets = secrets
        self._deadline = Deadline(deadline)
        self._stream: Chunks | None = None
        self._chunks: AsyncIterator[Any] | None = None
        self._items: deque[ChatItem] = deque()
        self._usage: ChatUsage | None = None
        self._has_text = False
        self._chars = 0
        self._finish_reason = ""
        self._ended = False

    async def begin(self, request: Any) -> None:
        """Send the request and wait for the first text, or for the end of an answer without any."""
        token = sending.set(self._tab)
        try:
            self._stream = Chunks(await self._within(request))
            self._chunks = aiter(self._stream)
            while not self._items and not self._ended:
                await self._take()
        except BaseException as exc:
            if isinstance(exc, ProviderError) and exc.vendor_code:
                self._tab.void()  # the service said no, and nothing else
            await self.close()
            raise
        finally:
            sending.reset(token)

    async def next_item(self) -> ChatItem | None:
        """The next piece of the answer; None at its end."""
        while not self._items and not self._ended:
            await self._take()
        return self._items.popleft() if self._items else None

    async def close(self) -> None:
        """End the request, whether or not it is over."""
        self._ended = True
        self._deadline.drop()
        self._tab.end()
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                await stream.close()
            except self._client.errors:
                log.debug("chat.close_failed")

    async def _take(self) -> None:
        chunk = await self._within(anext(self._chunks, _END)) if self._chunks else _END
        if chunk is _END:
            self._conclude()
            return
        text, finish_reason, usage = read_chunk(chunk)
        self._finish_reason = finish_reason or self._finish_reason
        self._usage = usage or self._usage  # the last one counts: some services send a running sum
        self._note(chunk, text)
        self._has_text = self._has_text or bool(text)
        if self._has_text:
            self._deadline.move(asyncio.get_running_loop().time() + self._times.token_s)
        if text:
            self._chars += len(text)
            self._items.append(TextDelta(text))
        if self._chars > MAX_REPLY_CHARS:
            raise ProviderUnavailable("llm", f"the answer is longer than {MAX_REPLY_CHARS} characters")

    def _note(self, chunk: Any, text: str) -> None:
        """What the answer has come to by now, for the bill."""
        self._tab.usage = self._usage
        self._tab.pieces += bool(text)
        if self._tab.model.startswith(_ENDPOINT):
            self._tab.model = model_of(chunk) or self._tab.model

    def _conclude(self) -> None:
        self._ended = True
        if not self._finish_reason:
            raise ProviderUnavailable("llm", "the answer broke off")
        if self._finish_reason == "content_filter" and not self._has_text:
            raise ContentRefused("llm", "the service withheld the answer", vendor_code="content_filter")
        if self._usage is not None:
            self._items.append(self._usage)

    async def _within(self, work: Any) -> Any:
        try:
            with self._deadline:
                return await work
        except TimeoutError as exc:
            if self._deadline.passed:
                raise self._timeout() from exc
            raise failure(exc, self._client, self._secrets) from exc
        except (*self._client.timeouts, *self._client.errors) as exc:
            echoes = any(secret in str(exc) for secret in self._secrets)  # a traceback would show it
            raise failure(exc, self._client, self._secrets) from (None if echoes else exc)

    def _timeout(self) -> ProviderTimeout:
        if self._has_text:
            return ProviderTimeout("llm", f"the answer paused for more than {self._times.token_s:g} s")
        return ProviderTimeout("llm", f"no answer within {self._times.first_token_s:g} s")
