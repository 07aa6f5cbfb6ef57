"""Any OpenAI-compatible chat service, through the `openai` library."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from backend.errors import ConfigError
from backend.ports import ChatItem, Message


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

    def __post_init__(self) -> None:
        if not self.base_url or not self.model:
            raise ConfigError("an OpenAI-compatible chat service needs a base URL and a model")


class OpenAiChat:
    """`ChatModel` over any OpenAI-compatible URL."""

    def __init__(self, config: ChatConfig) -> None:
        self._config = config

    async def warm(self) -> None:
        """Load the library in a thread, so that the first reply need not."""
        raise NotImplementedError

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        """Stream the answer. Closing the iterator ends the request."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of every connection."""
        raise NotImplementedError
