"""Conversations in this process's memory: gone with it, bounded while it lives."""

from collections import OrderedDict, deque
from collections.abc import Collection, Sequence

from backend.expenses import Charge
from backend.past import headed, parted
from backend.ports import NO_TURN, Message, TurnBill, TurnRef
from backend.store.records import now_ms
from backend.store.totals import Total, Totals
from backend.store.voice_memory import VoiceMemory
from backend.store.voice_rows import VoicePlace


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
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._voices = VoiceMemory()
        self._totals = Totals()
        self._holders: OrderedDict[str, str] = OrderedDict()
        self._summaries: dict[str, str] = {}

    state = "memory"
    """As `KeptStore.state`."""

    def start(self) -> None:
        """There is nothing to connect to."""

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    async def forget(self, sid: str, owner: str = "") -> bool:
        """Delete a conversation; whether there was one that is theirs, or nobody's. Its id stays its owner's."""
        return self.is_open(sid, owner) and self.drop(sid)

    async def load(self, sid: str, owner: str = "") -> tuple[Message, ...]:
        """See `ConversationStore`."""
        if not self.is_open(sid, owner):
            return ()
        return headed(self._summaries.get(sid, ""), self._conversations.get(sid, ()))

    async def owner(self, sid: str) -> str:
        """See `ConversationStore`."""
        return self._owners.get(sid, "")

    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        """See `ConversationStore`."""
        self._conversations.setdefault(sid, deque(maxlen=self._max_messages)).extend(messages)
        self._conversations.move_to_end(sid)
        while len(self._conversations) > self._max_conversations:
            self._drop(next(iter(self._conversations)))

    def fold(self, sid: str, summary: str, newer: int, ref: TurnRef) -> None:
        """See `ConversationStore`."""
        if sid in self._conversations and self.is_held(sid, ref):
            messages = self._conversations[sid]
            while len(messages) > newer:
                messages.popleft()
            self._summaries[sid] = summary

    async def settled(self, sid: str) -> None:
        """See `ConversationStore`: there are no other servers."""

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        """See `ConversationStore`: only the day's total is kept."""
        self._totals.add(bill.charges, now_ms())

    def charge(self, ref: TurnRef, charges: Sequence[Charge]) -> None:
        """See `ConversationStore`: only the day's total is kept."""
        self._totals.add(charges, now_ms())

    async def costs(self, first: str, last: str) -> tuple[Total, ...]:
        """What these days have cost in this process, both included."""
        return self._totals.between(first, last)

    def claim(self, sid: str, ref: TurnRef) -> None:
        """See `ConversationStore`. A conversation that has an owner keeps it."""
        self._holders[sid] = ref.call
        self._holders.move_to_end(sid)
        while len(self._holders) > self._max_conversations:
            self._holders.popitem(last=False)
        if ref.owner:
            self._belongs(sid, self._owners.get(sid, ref.owner))

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """See `ConversationStore`."""
        return {}

    def voices(self) -> VoicePlace:
        """See `KeptStore.voices`; it is always there."""
        return self._voices

    def is_open(self, sid: str, owner: str) -> bool:
        """Whether the conversation is nobody's, or theirs."""
        return self._owners.get(sid, "") in {"", owner}

    def is_held(self, sid: str, ref: TurnRef) -> bool:
        """Whether the call claimed the conversation, and it was not deleted since."""
        return self._holders.get(sid) == ref.call

    def drop(self, sid: str) -> bool:
        """See `forget`."""
        self._holders.pop(sid, None)
        return self._drop(sid)

    def replace(self, sid: str, messages: Sequence[Message], owner: str) -> None:
        """This is the whole conversation, and its owner where it has one; what was known before is forgotten."""
        self._drop(sid)
        if owner:
            self._belongs(sid, owner)
        summary, said = parted(messages)
        if messages:
            self._conversations[sid] = deque(said, self._max_messages)
        if summary:
            self._summaries[sid] = summary

    def _belongs(self, sid: str, owner: str) -> None:
        self._owners[sid] = owner
        self._owners.move_to_end(sid)
        while len(self._owners) > self._max_conversations:
            self._drop(self._owners.popitem(last=False)[0])  # nobody else is to find it

    def _drop(self, sid: str) -> bool:
        self._summaries.pop(sid, None)
        return self._conversations.pop(sid, None) is not None
