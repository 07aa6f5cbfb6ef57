"""A mind that needs none: it says one line, as a turn that asks no chat model."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from backend.ports import ChatItem, Message, TextDelta


@dataclass(frozen=True, slots=True)
class ByHeart:
    """A `ChatModel` that answers everything with `line`, at once and for nothing."""

    line: str

    async def reply(self, _messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        """The line."""
        yield TextDelta(self.line)

    async def warm(self) -> None:
        """Nothing has to be made ready: the line is known."""

    async def aclose(self) -> None:
        """There is no connection."""
