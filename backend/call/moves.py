"""What a call is told, and what it asks for: two closed unions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.ports import Hypothesis, Message
from backend.protocol.events import CallConfig, ClientEvent


@dataclass(frozen=True, slots=True)
class Fault:
    """What the client reads in `BotError`."""

    code: str
    message: str


# --- told


@dataclass(frozen=True, slots=True)
class Joined:
    """The client is connected and the conversation so far has been loaded."""

    history: Sequence[Message] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The recogniser believes something. `ears` numbers the listening it belongs to."""

    ears: int
    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True)
class EarsClosed:
    """The recognition session ended; with a fault if it failed."""

    ears: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The client sent a well-formed event."""

    event: ClientEvent


@dataclass(frozen=True, slots=True)
class Malformed:
    """The client sent what is no frame, or no event. `in_a_row` counts bad frames without a good one between them."""

    fault: Fault
    in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class SentenceSent:
    """The client has been sent the start of this sentence."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """All of the reply has been sent, or it failed after `text`."""

    turn: int
    text: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The server is about to stop."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The client is gone."""


CallEvent = Joined | Heard | EarsClosed | Told | Malformed | SentenceSent | ReplyEnded | DrainAsked | Tick | HungUp


# --- asked for


@dataclass(frozen=True, slots=True)
class Say:
    """Send an event. `turn` is its number on the wire, or None where the client asked for no turn ids."""

    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class OpenEars:
    """Begin a new listening, with the audio that waited or without it; words heard before are forgotten either way."""

    ears: int
    keep_audio: bool = False


@dataclass(frozen=True, slots=True)
class CloseEars:
    """Stop listening; audio is dropped from here on."""


@dataclass(frozen=True, slots=True)
class BeginReply:
    """Answer. `heard` is the hypothesis that ended the utterance; None for a typed one."""

    turn: int
    text: str
    history: tuple[Message, ...]
    config: CallConfig
    heard: Hypothesis | None = None


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop the reply: not one more frame of this turn leaves."""

    turn: int


@dataclass(frozen=True, slots=True)
class Account:
    """The turn is over: tell its timings to whoever wants them."""

    turn: int


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep these messages of the conversation."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection. `close_code` as RFC 6455 names them."""

    close_code: int
    reason: str


Effect = Say | OpenEars | CloseEars | BeginReply | CancelReply | Account | Remember | HangUp
