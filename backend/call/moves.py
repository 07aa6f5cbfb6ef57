"""What a call is told, and what it asks for: two closed unions."""

from collections.abc import Mapping, Sequence
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
    """The client is connected and the conversation so far has been loaded. `ready` is more for BotReady to say."""

    history: Sequence[Message] = ()
    ready: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """The recogniser believes something. `ears` numbers the listening it belongs to."""

    ears: int
    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True)
class Sensed:
    """Speech began or ended, says the local voice activity, at `at_ms` of the listening's audio clock."""

    ears: int
    speaking: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Reached:
    """The listening's audio clock has come to where `WakeAt` asked to be told."""

    ears: int
    audio_ms: int


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
class SoundSent:
    """The client has been sent this much of the last sentence's sound."""

    turn: int
    ms: float


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """All of the reply has been sent, or it failed after `text`."""

    turn: int
    text: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The server is about to stop; with `at_once` there is no time for the turn to end."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """The call has cost as much as it may."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A newer connection has taken up the conversation."""


@dataclass(frozen=True, slots=True)
class LineCut:
    """The connection broke; the client may come back."""


@dataclass(frozen=True, slots=True)
class LineBack:
    """The client is back, and gets what it missed."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The client is gone."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The request for a summary of this number is over; `summary` is None where it came to nothing."""

    number: int
    summary: str | None


CallEvent = (
    Joined
    | Heard
    | Sensed
    | Reached
    | EarsClosed
    | Told
    | Malformed
    | SentenceSent
    | SoundSent
    | ReplyEnded
    | DrainAsked
    | BudgetSpent
    | TakenUp
    | LineCut
    | LineBack
    | Tick
    | HungUp
    | Folded
)


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
class WakeAt:
    """Say `Reached` when the listening's audio clock has come to `audio_ms`; replaces the wish before it."""

    ears: int
    audio_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """The end of an utterance: at `at_ms` of the listening's audio clock; `heard` is the last hypothesis of it."""

    ears: int
    at_ms: int
    heard: Hypothesis


@dataclass(frozen=True, slots=True)
class Guess:
    """The caller may have finished: begin to answer, but let nothing be heard or spoken of it.

    Attributes:
        number: of the guess, which `DropGuess` or `BeginReply` names.
        turn: the turn that it will be if it is right.
    """

    number: int
    turn: int
    text: str
    history: tuple[Message, ...]
    config: CallConfig


@dataclass(frozen=True, slots=True)
class DropGuess:
    """The caller had not finished."""

    number: int


@dataclass(frozen=True, slots=True)
class BeginReply:
    """Answer. `ended` is None for a typed utterance; `guess` is the number of the guess that was right, if one was."""

    turn: int
    text: str
    history: tuple[Message, ...]
    config: CallConfig
    ended: SpeechEnd | None = None
    guess: int | None = None


@dataclass(frozen=True, slots=True)
class AskIfThere:
    """Say, unasked, the persona's question whether the caller is still there: a turn without an utterance."""

    turn: int
    config: CallConfig


@dataclass(frozen=True, slots=True)
class TakeLeave:
    """Say, unasked, the persona's goodbye: a turn without an utterance, and the last one."""

    turn: int
    config: CallConfig


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
    """Keep these messages of the conversation. `sent` is all that was sent of a reply that was cut off."""

    messages: tuple[Message, ...]
    sent: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Have the chat model fold these messages into the summary of those before them, beside the call.

    Attributes:
        number: of the request, which `Folded` or `DropFold` names.
        summary: so far; empty for none.
    """

    number: int
    summary: str
    messages: tuple[Message, ...]
    persona: str | None


@dataclass(frozen=True, slots=True)
class DropFold:
    """Stop that request at once."""

    number: int


@dataclass(frozen=True, slots=True)
class KeepSummary:
    """Keep this summary: of all messages of the conversation but the newest `newer`."""

    summary: str
    newer: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection. `close_code` as RFC 6455 names them."""

    close_code: int
    reason: str


Effect = (
    Say
    | OpenEars
    | CloseEars
    | WakeAt
    | Guess
    | DropGuess
    | BeginReply
    | AskIfThere
    | TakeLeave
    | CancelReply
    | Account
    | Remember
    | Fold
    | DropFold
    | KeepSummary
    | HangUp
)
