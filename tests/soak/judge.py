"""What a client gets, held against the protocol's order, frame by frame."""

from dataclasses import dataclass, field

from backend.protocol.frames import AudioFrame, EventFrame

LONGEST_TURN_S = 180.0 + 11.0
"""`TurnLimits.work_s` (these replies are short), a client that blocks one write for as long as it may, and one that is
cut off for some time."""


@dataclass
class Judge:
    """Follows one call.

    Attributes:
        turns: that were begun.
        answered: of these, with sound.
        faults: what was wrong, in words; empty if the server keeps the protocol.
    """

    turns: int = 0
    answered: int = 0
    failed: int = 0
    interrupted: int = 0
    done: int = 0
    faults: list[str] = field(default_factory=list)
    _ready: bool = False
    _began_at: float | None = None
    _errors: int = 0
    _announced: bool = False
    _sounded: bool = False
    _asked: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether no reply is under way."""
        return self._began_at is None

    def take(self, at: float, frame: EventFrame | AudioFrame) -> None:
        """One frame, and when it came."""
        if self.is_idle and frame.turn == self.turns + 1:
            self._begin(at)  # a turn that nobody asked for, into a long silence; `SentenceRecognized` begins it, too
        if isinstance(frame, AudioFrame):
            self._require(self._announced, at, "sound that no sentence announced")
            self._number(at, frame)
            self.answered += not self._sounded
            self._sounded = True
        else:
            self._event(at, frame)

    def _event(self, at: float, frame: EventFrame) -> None:
        outside = frame.event in {"BotReady", "SentencePartial"} or (frame.event == "BotError" and not frame.turn)
        self._require(frame.event == "BotReady" or self._ready, at, f"{frame.event} before BotReady")
        match frame.event:
            case "BotReady":
                self._require(not self._ready, at, "a second BotReady")
                self._ready = True
            case "SentenceRecognized":
                self._require(not self._asked, at, "a turn began inside another")
                self._asked = True
            case "TTSSentenceStart":
                self._announced = True
            case "BotInterrupted":
                self.interrupted += 1
            case "BotError" if not self.is_idle:
                self._errors += frame.payload["error"]["code"] not in {"BadFrame", "BadEvent"}
        if not outside:
            self._number(at, frame)
        if frame.event == "TTSDone":
            self._end(at)

    def _begin(self, at: float) -> None:
        self.turns += 1
        self._asked, self._began_at, self._errors, self._announced, self._sounded = False, at, 0, False, False

    def _end(self, at: float) -> None:
        self.done += 1
        if self._began_at is not None:
            self._require(at - self._began_at <= LONGEST_TURN_S, at, f"a turn took {at - self._began_at:.1f} s")
        self._require(self._errors <= 1, at, f"{self._errors} errors in one turn")
        self.failed += self._errors
        self._began_at, self._announced, self._asked = None, False, False

    def _number(self, at: float, frame: EventFrame | AudioFrame) -> None:
        """It belongs to the turn that is under way."""
        what = frame.event if isinstance(frame, EventFrame) else "sound"
        self._require(not self.is_idle, at, f"{what} outside a turn")
        self._require(frame.turn in {None, self.turns}, at, f"{what} of turn {frame.turn} in turn {self.turns}")

    def _require(self, holds: bool, at: float, otherwise: str) -> None:
        if not holds:
            self.faults.append(f"at {at:.3f} s: {otherwise}")
