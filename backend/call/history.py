"""What was said in a conversation, as much of it as the model is to see. Pure.

With a summary, messages leave the window in blocks, some turns before it is full: so what stands before a turn in the
prompt stays the same for several turns, which a service's prefix cache honours, and nothing is out of sight while it is
not in the summary yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from backend.call.token_count import FRAME_TOKENS, clipped, message_tokens
from backend.past import headed, parted
from backend.ports import Message

ROOM: Final = 4
"""Messages that may still come before the window is full when its older half is folded into the summary."""
BACKLOG: Final = 60
"""Messages beyond the window that wait to be folded; the oldest is forgotten for the newest."""
FOLD_TOKENS: Final = 3000
LINE_TOKENS: Final = 400
"""Of one request for a summary, and of one message in it."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """Of what the model sees.

    Attributes:
        max_messages, max_tokens: of the window, whichever is reached first.
        summary_tokens: of what is remembered of earlier messages; 0 for a plain window.
    """

    max_messages: int = 20
    max_tokens: int = 2000
    summary_tokens: int = 0

    @property
    def kept_messages(self) -> int:
        """So many of the newest are held in memory: the window, and what waits to be folded."""
        return self.max_messages + (BACKLOG if self.summary_tokens else 0)


class History:
    """The newest messages, oldest first, and a summary of those before them."""

    def __init__(self, limits: HistoryLimits = HistoryLimits(), past: Iterable[Message] = ()) -> None:
        self._limits = limits
        self._summary = ""
        self._messages: list[Message] = []
        self.take_up(past)

    def take_up(self, past: Iterable[Message]) -> None:
        """Go on from an earlier call."""
        self._summary, messages = parted(past)
        if not self._limits.summary_tokens:
            self._summary = ""
        self.extend(messages)

    def extend(self, messages: Iterable[Message]) -> int:
        """Add what was just said; how many of the oldest are forgotten for it."""
        self._messages.extend(messages)
        forgotten = max(0, len(self._messages) - self._limits.kept_messages)
        del self._messages[:forgotten]
        return forgotten

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the model sees: the summary, if there is one, at the head of the window."""
        return headed(self._summary, self._window())

    @property
    def summary(self) -> str:
        """What is remembered of the messages that were folded."""
        return self._summary

    @property
    def unfolded(self) -> int:
        """How many messages the summary does not hold."""
        return len(self._messages)

    def due(self) -> tuple[Message, ...]:
        """The oldest messages, where it is time to fold them into the summary; else none."""
        if not self._limits.summary_tokens or not self._is_full():
            return ()
        lines = [Message(line.role, clipped(line.text, LINE_TOKENS)) for line in self._messages[: self._surplus()]]
        while message_tokens(lines) > FOLD_TOKENS:
            lines.pop()
        return tuple(lines)

    def fold(self, count: int, summary: str) -> None:
        """So many of the oldest are in the summary now."""
        del self._messages[:count]
        self._summary = clipped(summary.strip(), self._limits.summary_tokens)

    def _window(self) -> Sequence[Message]:
        """The newest that fit; of a newest that does not fit by itself, its beginning."""
        left = self._limits.max_tokens
        window: list[Message] = []
        for message in reversed(self._messages[-self._limits.max_messages :] if self._limits.max_messages else []):
            if (tokens := message_tokens([message])) > left:
                if not window and left > FRAME_TOKENS:
                    window.append(Message(message.role, clipped(message.text, left - FRAME_TOKENS)))
                break
            left -= tokens
            window.append(message)
        return window[::-1]

    def _is_full(self) -> bool:
        limits = self._limits
        return (
            len(self._messages) > max(limits.max_messages - ROOM, limits.max_messages // 2)
            or 4 * message_tokens(self._messages) > 3 * limits.max_tokens
        )

    def _surplus(self) -> int:
        """How many of the oldest leave half a window, whole turns; the latest turn stays, if anything may."""
        messages, limits = self._messages, self._limits
        if limits.max_messages == 0:
            return len(messages)
        starts = [at for at, message in enumerate(messages) if message.role == "user"]
        for at in starts:
            rest = messages[at:]
            if len(rest) <= max(1, limits.max_messages // 2) and 2 * message_tokens(rest) <= limits.max_tokens:
                return at
        return starts[-1] if starts else 0
