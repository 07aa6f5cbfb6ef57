"""What a call says of itself while it is recorded, on the event loop: cheap, never waiting, never failing."""

from dataclasses import dataclass
from typing import Protocol

from backend.call.machine import Call, CallLimits
from backend.call.moves import CallEvent, Effect
from backend.protocol.events import CallConfig
from backend.protocol.frames import Framing
from backend.shell.intake import IntakeLimits, Taken


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a call begins with, and everything that it will do follows from this and its inputs.

    Attributes:
        call: the connection's id, by which the file is named.
        sid: the conversation's; whoever knows it may take that up, so it is not written down.
        at: the time, on the call's clock.
    """

    call: str
    sid: str
    at: float
    framing: Framing
    config: CallConfig
    limits: CallLimits
    intake: IntakeLimits


@dataclass(frozen=True, slots=True)
class Frame:
    """A message came from the client, and was taken for this."""

    at: float
    message: bytes | str
    taken: Taken


@dataclass(frozen=True, slots=True)
class Anew:
    """The connection was cut, or has come back: what comes next comes over another one."""

    at: float


@dataclass(frozen=True, slots=True)
class Move:
    """The call was told an event, and asked for these effects; then it was in this state, with this deadline."""

    at: float
    event: CallEvent
    effects: list[Effect]
    state: str
    deadline: float | None


class Tape(Protocol):
    """Of one call."""

    def frame(self, at: float, message: bytes | str, taken: Taken) -> None:
        """See `Frame`."""

    def anew(self, at: float) -> None:
        """See `Anew`."""

    def move(self, at: float, event: CallEvent, effects: list[Effect], call: Call) -> None:
        """See `Move`; `call` as it is now."""

    def end(self) -> None:
        """The call is over. Safe to repeat."""


class Recorder(Protocol):
    """Records calls."""

    def begin(self, beginning: Beginning) -> Tape:
        """A call begins."""


class NoTape:
    """Nothing is recorded."""

    def frame(self, at: float, message: bytes | str, taken: Taken) -> None:
        """See `Tape`."""

    def anew(self, at: float) -> None:
        """See `Tape`."""

    def move(self, at: float, event: CallEvent, effects: list[Effect], call: Call) -> None:
        """See `Tape`."""

    def end(self) -> None:
        """See `Tape`."""


class NoRecorder:
    """Records nothing."""

    def begin(self, _beginning: Beginning) -> Tape:
        """See `Recorder`."""
        return NoTape()
