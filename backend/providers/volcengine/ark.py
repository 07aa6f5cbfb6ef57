"""Chat models of Ark, through the Volcengine SDK's Ark runtime."""

from collections.abc import AsyncIterator, Sequence

from backend.ports import ChatItem, Message
from backend.providers.volcengine.config import ArkConfig


class ArkChat:
    """`ChatModel` over Ark."""

    def __init__(self, config: ArkConfig) -> None:
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
