"""One call as a state machine: Idle → InProcess → Idle, until someone hangs up.

        SentenceRecognized said               TTSDone said
  Idle ─────────────────────────► InProcess ───────────────► Idle

It is told what happened and when, answers what to do, and asks no clock. Whatever arrives late carries the number of
its turn or of its listening, and is dropped when that one is over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

from backend.call.endpointing import Endpointer, has_words
from backend.call.history import History
from backend.call.moves import (
    Account,
    BeginReply,
    CallEvent,
    CancelReply,
    CloseEars,
    DrainAsked,
    EarsClosed,
    Effect,
    Fault,
    HangUp,
    Heard,
    HungUp,
    Joined,
    Malformed,
    OpenEars,
    Remember,
    ReplyEnded,
    Say,
    SentenceSent,
    Tick,
    Told,
)
from backend.errors import IDLE_TIMEOUT, SHUTTING_DOWN
from backend.ports import Hypothesis, Message
from backend.protocol import events
from backend.protocol.events import BotInterrupt, CallConfig, ConfigUpdate, PlaybackPosition, UserText

CLOSE_NORMAL: Final = 1000
CLOSE_POLICY: Final = 1008
CLOSE_RESTART: Final = 1012


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Bounds of one call.

    Attributes:
        idle_s: hang up when nothing was said for this long.
        stable_text_ms: audio after which unchanged text counts as a finished utterance.
        max_history: messages that the model sees.
        bad_frames: this many in a row end the call.
        barge_in_chars: letters or digits heard during a reply that cut it off.
        ears_retry_s: wait before listening again after the recogniser failed; doubles with each failure.
        ears_retry_max_s: and stops growing here.
    """

    idle_s: float = 60.0
    stable_text_ms: int = 2000
    max_history: int = 20
    bad_frames: int = 10
    barge_in_chars: int = 2
    ears_retry_s: float = 0.25
    ears_retry_max_s: float = 10.0


class State(Enum):
    """Where a call is."""

    JOINING = auto()
    IDLE = auto()
    IN_PROCESS = auto()
    ENDED = auto()


class Call:
    """The decisions of one call.

    Args:
        sid: the conversation's id, as `BotReady` names it.
        config: what the client asked for in the URL.
    """

    def __init__(self, sid: str, limits: CallLimits, config: CallConfig) -> None:
        self.sid = sid
        self.state = State.JOINING
        self.turn = 0
        self.config = config
        self._next_config = config
        self._limits = limits
        self._history = History(limits.max_history)
        self._draining = False
        self._ears = 0
        self._ears_open = False
        self._ears_failures = 0
        self._ears_retry_at: float | None = None
        self._endpointer = Endpointer(limits.stable_text_ms)
        self._quiet_since = 0.0
        self._question = ""
        self._sent: list[str] = []

    @property
    def deadline(self) -> float | None:
        """When the call wants a `Tick`, on the clock of the `now` it is told; None for never."""
        if self.state is not State.IDLE:
            return None
        idle_at = self._quiet_since + self._limits.idle_s
        return idle_at if self._ears_retry_at is None else min(idle_at, self._ears_retry_at)

    @property
    def history(self) -> tuple[Message, ...]:
        """What the model would see next."""
        return self._history.messages

    def handle(self, event: CallEvent, now: float) -> list[Effect]:
        """Take one event at `now` (seconds, monotonic); what to do about it, in order."""
        if self.state is State.ENDED:
            return []
        return list(self._react(event, now))

    def _react(self, event: CallEvent, now: float) -> Iterator[Effect]:  # noqa: PLR0912 - one arm a kind
        match event:
            case Joined(history):
                yield from self._join(history, now)
            case Heard(ears, hypothesis):
                if ears == self._ears and self._ears_open:
                    yield from self._hear(hypothesis, now)
            case EarsClosed(ears, fault):
                if ears == self._ears and self._ears_open:
                    yield from self._lose_ears(fault, now)
            case Told(client_event):
                yield from self._obey(client_event, now)
            case Malformed(fault, in_a_row):
                yield from self._complain(fault, in_a_row)
            case SentenceSent(turn, text):
                if self._runs(turn):
                    self._sent.append(text)
            case ReplyEnded(turn, text, fault):
                if self._runs(turn):
                    yield from self._end_reply(text, fault, now)
            case DrainAsked():
                self._draining = True
                if self.state is not State.IN_PROCESS:
                    yield from self._end(SHUTTING_DOWN, "the server is about to stop; please call again", CLOSE_RESTART)
            case Tick():
                yield from self._tick(now)
            case HungUp():
                yield from self._hang_up()
            case _:
                assert_never(event)

    # --- joining and leaving

    def _join(self, history: Sequence[Message], now: float) -> Iterator[Effect]:
        self._history.extend(history)
        self.state = State.IDLE
        self._quiet_since = now
        yield self._open_ears(keep_audio=True)
        yield self._say(events.BOT_READY, {"session": self.sid}, outside_turn=True)

    def _hang_up(self) -> Iterator[Effect]:
        if self.state is State.IN_PROCESS:
            yield CancelReply(self.turn)
            yield Account(self.turn)
            yield self._remember("".join(self._sent))
        self.state = State.ENDED
        yield self._close_ears()

    def _end(self, code: str, message: str, close_code: int) -> Iterator[Effect]:
        yield self._say_fault(Fault(code, message), outside_turn=True)
        yield from self._hang_up()
        yield HangUp(close_code, code)

    def _tick(self, now: float) -> Iterator[Effect]:
        if self.state is not State.IDLE:
            return
        if self._ears_retry_at is not None and now >= self._ears_retry_at:
            yield self._open_ears(keep_audio=True)
        if now >= self._quiet_since + self._limits.idle_s:
            yield from self._end(IDLE_TIMEOUT, f"nothing was said for {self._limits.idle_s:g} s", CLOSE_NORMAL)

    # --- listening

    def _hear(self, hypothesis: Hypothesis, now: float) -> Iterator[Effect]:
        self._ears_failures = 0
        before = self._endpointer.text
        utterance = self._endpointer.hear(hypothesis)
        text = self._endpointer.text
        if text != before and has_words(text):
            self._quiet_since = now
            if events.SENTENCE_PARTIAL in self.config.events:
                yield self._say(events.SENTENCE_PARTIAL, {"sentence": text}, outside_turn=True)
        if self.state is State.IN_PROCESS:
            yield from self._overhear(text, utterance, now)
        if utterance is not None and self.state is State.IDLE:
            yield from self._begin_turn(utterance, hypothesis, now)

    def _overhear(self, text: str, utterance: str | None, now: float) -> Iterator[Effect]:
        """The caller speaks over the reply: enough of it cuts the reply off; a mere sound is forgotten."""
        if sum(character.isalnum() for character in text) >= self._limits.barge_in_chars:
            yield from self._cut_off(now)
        elif utterance is not None:
            yield self._open_ears()

    def _lose_ears(self, fault: Fault | None, now: float) -> Iterator[Effect]:
        self._ears_open = False
        self._ears_failures += 1
        pause_s = self._limits.ears_retry_s * 2 ** (self._ears_failures - 1)
        self._ears_retry_at = now + min(pause_s, self._limits.ears_retry_max_s)
        if fault is not None and self.state is State.IDLE:
            yield self._say_fault(fault, outside_turn=True)

    # --- turns

    def _begin_turn(self, text: str, heard: Hypothesis | None, now: float) -> Iterator[Effect]:
        self.turn += 1
        self.state = State.IN_PROCESS
        self.config = self._next_config
        self._question, self._sent, self._quiet_since = text, [], now
        yield self._open_ears() if self.config.barge_in else self._close_ears()
        yield self._say(events.SENTENCE_RECOGNIZED, {"sentence": text})
        yield BeginReply(self.turn, text, self._history.messages, self.config, heard)

    def _end_reply(self, text: str, fault: Fault | None, now: float) -> Iterator[Effect]:
        yield self._remember(text)
        if fault is not None:
            yield self._say_fault(fault)
        yield from self._finish_turn(now)

    def _cut_off(self, now: float) -> Iterator[Effect]:
        """Stop the reply under way; the call is Idle after it."""
        spoken = "".join(self._sent)
        yield CancelReply(self.turn)
        yield self._remember(spoken)
        if self.config.barge_in or events.BOT_INTERRUPTED in self.config.events:
            yield self._say(events.BOT_INTERRUPTED, {"spoken": spoken})
        yield from self._finish_turn(now)

    def _finish_turn(self, now: float) -> Iterator[Effect]:
        """First the ears, then the word: the caller may speak the instant TTSDone lands."""
        self.state = State.IDLE
        self._quiet_since = now
        if not self._ears_open:
            yield self._open_ears()
        yield Account(self.turn)
        yield self._say(events.TTS_DONE)
        if self._draining:
            yield from self._end(SHUTTING_DOWN, "the server is about to stop; please call again", CLOSE_RESTART)

    # --- the client's events

    def _obey(self, event: events.ClientEvent, now: float) -> Iterator[Effect]:
        match event:
            case ConfigUpdate(changes):
                self._next_config = self._next_config.merged(changes)
            case UserText(text):
                if self.state is State.IN_PROCESS:
                    yield from self._cut_off(now)
                if self.state is State.IDLE:
                    yield from self._begin_turn(text, None, now)
            case BotInterrupt():
                if self.state is State.IN_PROCESS:
                    yield from self._cut_off(now)
            case PlaybackPosition():
                pass
            case _:
                assert_never(event)

    def _complain(self, fault: Fault, in_a_row: int) -> Iterator[Effect]:
        if in_a_row < self._limits.bad_frames:
            yield self._say_fault(fault, outside_turn=self.state is not State.IN_PROCESS)
        else:
            yield from self._end(fault.code, f"{fault.message}; that was the {in_a_row}th in a row", CLOSE_POLICY)

    # --- small things

    def _runs(self, turn: int) -> bool:
        return self.state is State.IN_PROCESS and turn == self.turn

    def _open_ears(self, *, keep_audio: bool = False) -> OpenEars:
        self._ears += 1
        self._ears_open = True
        self._ears_retry_at = None
        self._endpointer = Endpointer(self._limits.stable_text_ms)
        return OpenEars(self._ears, keep_audio)

    def _close_ears(self) -> CloseEars:
        self._ears_open = False
        self._ears_retry_at = None
        return CloseEars()

    def _remember(self, reply: str) -> Remember:
        said = [Message("user", self._question)]
        if reply:
            said.append(Message("assistant", reply))
        self._history.extend(said)
        return Remember(tuple(said))

    def _say(self, event: str, payload: dict[str, object] | None = None, *, outside_turn: bool = False) -> Say:
        number = 0 if outside_turn else self.turn
        return Say(event, payload or {}, number if self.config.turn_ids else None)

    def _say_fault(self, fault: Fault, *, outside_turn: bool = False) -> Say:
        payload: dict[str, object] = {"error": {"code": fault.code, "message": fault.message}}
        return self._say(events.BOT_ERROR, payload, outside_turn=outside_turn)
