"""What was said in a conversation, as much of it as the model is to see."""

from collections.abc import Iterable

from backend.ports import Message


class History:
    """The newest messages of a conversation, oldest first; older ones fall out at the front."""

    def __init__(self, max_messages: int, messages: Iterable[Message] = ()) -> None:
        self._max_messages = max_messages
        self._messages: list[Message] = []
        self.extend(messages)

    def extend(self, messages: Iterable[Message]) -> None:
        """Add what was just said."""
        self._messages.extend(messages)
        del self._messages[: max(0, len(self._messages) - self._max_messages)]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The window, oldest first."""
        return tuple(self._messages)
