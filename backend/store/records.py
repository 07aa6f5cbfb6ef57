"""What is written, as plain values: made where something happens, kept until a database has it."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from backend.expenses import Charge
from backend.ports import Message, TurnBill, TurnRef


def now_ms() -> int:
    """Milliseconds since 1970, UTC: what the store calls a time."""
    return time.time_ns() // 1_000_000


def _key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Line:
    """One message, and what was heard of it; `heard` is None for all of it."""

    message: Message
    heard: str | None = None
    key: str = field(default_factory=_key)


@dataclass(frozen=True, slots=True)
class Said:
    """What a turn adds to a conversation."""

    sid: str
    ref: TurnRef
    lines: tuple[Line, ...]
    at_ms: int = field(default_factory=now_ms)

    def heard(self) -> list[Message]:
        """The messages as the caller heard them."""
        spoken = (line.message if line.heard is None else Message(line.message.role, line.heard) for line in self.lines)
        return [message for message in spoken if message.text]


@dataclass(frozen=True, slots=True)
class Folded:
    """The summary of all messages of a conversation but the newest `newer`."""

    sid: str
    ref: TurnRef
    summary: str
    newer: int
    at_ms: int = field(default_factory=now_ms)


@dataclass(frozen=True, slots=True)
class Charged:
    """What a call cost beside its turns. It belongs to no conversation: it stays when that is deleted."""

    ref: TurnRef
    items: "tuple[tuple[str, Charge], ...]"
    at_ms: int = field(default_factory=now_ms)
    sid: str = ""


@dataclass(frozen=True, slots=True)
class Billed:
    """What a turn cost."""

    sid: str
    ref: TurnRef
    bill: TurnBill
    items: "tuple[tuple[str, Charge], ...]" = ()
    at_ms: int = field(default_factory=now_ms)
    key: str = field(default_factory=_key)

    def without_conversation(self) -> Charged:
        """What was paid for was paid, whatever becomes of the conversation."""
        return Charged(self.ref, self.items, self.at_ms)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A call has taken up the conversation; the call that held it before has lost it."""

    sid: str
    ref: TurnRef
    at_ms: int = field(default_factory=now_ms)


Record = Said | Folded | Billed | Claimed | Charged


def items(charges: Iterable[Charge]) -> tuple[tuple[str, Charge], ...]:
    """The lines of a bill, each with what keeps it from being written twice."""
    return tuple((_key(), charge) for charge in charges)


def clean(words: str) -> str:
    """Without what JSON can say and a database cannot keep: NUL, and halves of characters."""
    return words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def lines(messages: tuple[Message, ...], sent: str) -> tuple[Line, ...]:
    """The messages of a turn, with all that was sent of a reply that was cut off put back into it."""
    if not sent:
        return tuple(Line(message) for message in messages)
    heard = messages[-1].text if messages and messages[-1].role == "assistant" else ""
    kept = messages[:-1] if heard else messages
    return (*(Line(message) for message in kept), Line(Message("assistant", sent), heard))
