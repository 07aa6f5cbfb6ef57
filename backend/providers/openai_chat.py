"""Any OpenAI-compatible chat service, through the `openai` library."""

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backend.errors import ConfigError, ProviderError
from backend.protocol.json_text import json_bytes
from backend.providers.chat_failure import ChatClient
from backend.providers.chat_stream import Asked, ChatTimes, StreamedChat
from backend.providers.reserve import ReserveLimits

log = logging.getLogger(__name__)

_PATH: Final = "/chat/completions"
_WITH_KEY: Final = {"security": {"bearer_auth": True}}
"""How the library's own requests for chat are signed: without another key that it may find in the environment."""
_SETTINGS: Final = {"temperature": "LLM_TEMPERATURE", "max_tokens": "LLM_MAX_TOKENS"}
"""What a model may refuse, and the setting that leaves it out."""


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """A chat service by its URL.

    Attributes:
        base_url: up to and including `/v1`.
        api_key: empty for servers that want none.
        temperature, max_tokens: None leaves them out, for models that refuse them.
        extra_body: more fields of the request, for example `{"enable_thinking": False}`.
        ask_usage: ask for token counts at the end of the stream.
        first_token_timeout_s: from the request to the first text.
        token_timeout_s: between two pieces of the stream.
        connect_timeout_s: TCP and TLS.
        retry_backoff_s: before the one retry, which happens only when nothing was received.
        keepalive_s: how long an idle HTTPS connection is kept for the next turn.
        spares: the connections that are opened before a request needs them.
        billed_as: the name in the price table, if it is not the model's own.
    """

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    temperature: float | None = 0.8
    max_tokens: int | None = 2_000
    extra_body: Mapping[str, object] = field(default_factory=dict)
    ask_usage: bool = True
    first_token_timeout_s: float = 10.0
    token_timeout_s: float = 5.0
    connect_timeout_s: float = 5.0
    retry_backoff_s: float = 0.2
    keepalive_s: float = 90.0
    spares: ReserveLimits = field(default_factory=ReserveLimits)
    billed_as: str = ""

    def __post_init__(self) -> None:
        if not self.base_url or not self.model:
            raise ConfigError("an OpenAI-compatible chat service needs a base URL and a model")


class OpenAiChat(StreamedChat):
    """`ChatModel` over any OpenAI-compatible URL."""

    def __init__(self, config: ChatConfig) -> None:
        times = ChatTimes(
            config.first_token_timeout_s,
            config.token_timeout_s,
            config.connect_timeout_s,
            config.retry_backoff_s,
            config.keepalive_s,
            config.spares,
        )
        super().__init__(times, (config.api_key,), config.billed_as or config.model)
        self._config = config
        wishes = {"temperature": config.temperature, "max_tokens": config.max_tokens}
        self._tuned = {name: wish for name, wish in wishes.items() if wish is not None}

    def _load(self) -> ChatClient:
        from backend.providers import chat_http  # noqa: PLC0415 - as slow to import as the rest

        openai = importlib.import_module("openai")
        httpx2 = importlib.import_module("httpx2")
        connections = chat_http.ChatConnections(self._config.base_url, self._times)
        sdk = openai.AsyncOpenAI(
            api_key=self._config.api_key or "none",  # the library insists on one
            base_url=self._config.base_url,
            max_retries=0,  # it would repeat a whole timeout, twice
            http_client=chat_http.http_client("httpx2", connections, self._times),
        )
        return ChatClient(
            sdk,
            connections,
            (openai.APITimeoutError, httpx2.TimeoutException),
            (openai.OpenAIError, httpx2.HTTPError, *chat_http.ESCAPES),
            chat_http.was_cut,
            httpx2.Response,
        )

    async def _create(self, client: ChatClient, messages: Asked, left_out: frozenset[str]) -> Any:
        config = self._config
        wishes: dict[str, Any] = {"model": config.model, "messages": messages, "stream": True}
        if config.ask_usage:
            wishes["stream_options"] = {"include_usage": True}
        wishes |= {name: wish for name, wish in self._tuned.items() if name not in left_out}
        wishes |= {name: wish for name, wish in config.extra_body.items() if name not in left_out}
        # as bytes: the library looks up the types of every message's fields, half a millisecond for each of them
        return await client.sdk.post(
            _PATH, content=json_bytes(wishes), cast_to=client.response, stream=True, options=_WITH_KEY
        )

    def _refused(self, error: ProviderError, left_out: frozenset[str]) -> frozenset[str]:
        """Models that reason, for example, take no temperature, and another limit than `max_tokens`."""
        if error.retryable:
            return frozenset()
        return frozenset(name for name in self._tuned.keys() - left_out if name in error.reason)

    def _learn(self, left_out: frozenset[str]) -> None:
        for name in sorted((left_out - self._left_out) & _SETTINGS.keys()):
            log.warning("chat.parameter_refused", extra={"parameter": name, "remedy": f"{_SETTINGS[name]}=off"})
        super()._learn(left_out)
