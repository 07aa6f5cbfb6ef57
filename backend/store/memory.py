"""Conversations in this process's memory: gone with it, bounded while it lives."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from backend.ports import Message


class MemoryStore:
    """The newest conversations, each as far back as the model is to see.

    Args:
        max_messages: kept of each conversation.
        max_conversations: the one untouched for longest is forgotten first.
    """

    def __init__(self, max_messages: int, max_conversations: int = 10_000) -> None:
        self._max_messages = max_messages
        self._max_conversations = max_conversations
        self._conversations: OrderedDict[str, deque[Message]] = OrderedDict()

    async def load(self, sid: str) -> tuple[Message, ...]:
        """See `ConversationStore`."""
        return tuple(self._conversations.get(sid, ()))

    async def append(self, sid: str, messages: Sequence[Message]) -> None:
        """See `ConversationStore`."""
        self._conversations.setdefault(sid, deque(maxlen=self._max_messages)).extend(messages)
        self._conversations.move_to_end(sid)
        while len(self._conversations) > self._max_conversations:
            self._conversations.popitem(last=False)
