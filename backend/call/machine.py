"""One call as a state machine: Idle → InProcess → Idle, until someone hangs up.

        SentenceRecognized said               TTSDone said
  Idle ─────────────────────────► InProcess ───────────────► Idle

It is told what happened and when, answers what to do, and asks no clock. Whatever arrives late carries the number of
its turn or of its listening, and is dropped when that one is over.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, assert_never

from backend.call.absence import Absence
from backend.call.budget import Leave
from backend.call.completeness import has_words
from backend.call.guessing import Guessing
from backend.call.history import HistoryLimits
from backend.call.interruption import InterruptionLimits, Overheard, judge
from backend.call.listening import Listening, ListeningLimits
from backend.call.memory import Memory
from backend.call.moves import (
    Account,
    AskIfThere,
    BeginReply,
    BudgetSpent,
    CallEvent,
    CancelReply,
    DrainAsked,
    EarsClosed,
    Effect,
    Fault,
    Folded,
    HangUp,
    Heard,
    HungUp,
    Joined,
    LineBack,
    LineCut,
    Malformed,
    Reached,
    Remember,
    ReplyEnded,
    Say,
    Sensed,
    SentenceSent,
    SoundSent,
    SpeechEnd,
    TakeLeave,
    TakenUp,
    Tick,
    Told,
)
from backend.call.said import Said
from backend.call.silence import Due, Silence
from backend.call.tail import Tail, Words
from backend.errors import BAD_SESSION, BUSY, IDLE_TIMEOUT, SHUTTING_DOWN
from backend.ports import Message
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
        ask_before_s: ask whether the caller is still there so long before that; 0 for never.
        history: what the model sees of the conversation.
        bad_frames: this many in a row end the call.
        guesses: chat requests on trial that one utterance may cost; 0 for none.
    """

    idle_s: float = 60.0
    ask_before_s: float = 0.0
    bad_frames: int = 10
    guesses: int = 2
    history: HistoryLimits = field(default_factory=HistoryLimits)
    interruption: InterruptionLimits = field(default_factory=InterruptionLimits)
    listening: ListeningLimits = field(default_factory=ListeningLimits)


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
        self._memory = Memory(limits.history)
        self._draining = False
        self._absence = Absence()
        self._leave = Leave.NONE
        self._listening = Listening(limits.listening)
        self._guessing = Guessing(limits.guesses)
        self._silence = Silence(limits.idle_s, limits.ask_before_s)
        self._words = Words()
        self._question: str | None = ""  # None: she spoke of her own accord
        self._said = Said()
        self._tail = Tail(limits.interruption)

    @property
    def deadline(self) -> float | None:
        """When the call wants a `Tick`, on the clock of the `now` it is told; None for never."""
        if self.state in {State.JOINING, State.ENDED}:
            return None
        bears_silence = self.state is State.IDLE and not self._absence.is_away
        idle_at = self._silence.deadline if bears_silence else None
        due = (idle_at, self._listening.deadline, self._tail.deadline)
        return min((at for at in due if at is not None), default=None)

    @property
    def history(self) -> tuple[Message, ...]:
        """What the model would see next."""
        return self._memory.messages

    def handle(self, event: CallEvent, now: float) -> list[Effect]:
        """Take one event at `now` (seconds, monotonic); what to do about it, in order."""
        if self.state is State.ENDED:
            return []
        return list(self._react(event, now))

    def _react(self, event: CallEvent, now: float) -> Iterator[Effect]:  # noqa: PLR0912, PLR0915 - one arm a kind
        match event:
            case Joined(history, ready):
                yield from self._join(history, ready, now)
            case Heard() | Sensed() | Reached():
                if self._listening.take(event):
                    if isinstance(event, Sensed) and event.speaking:
                        self._silence.stir(now)
                        self._words.sense(now)
                    yield from self._listen(now)
            case EarsClosed(_, fault):
                if self._listening.lose(event, now):
                    yield from self._lose_ears(fault)
            case Told(client_event):
                yield from self._obey(client_event, now)
            case Malformed(fault, in_a_row):
                yield from self._complain(fault, in_a_row)
            case SentenceSent(turn, text):
                if self._runs(turn):
                    self._said.sentence(text)
            case SoundSent(turn, ms):
                if self._runs(turn):
                    self._said.sound(ms)
                    self._silence.sound(ms, now)
            case ReplyEnded(turn, text, fault):
                if self._runs(turn) and not self._absence.keeps(event):
                    yield from self._end_reply(text, fault, now)
            case DrainAsked(at_once):
                self._draining = True
                if self.state is State.IN_PROCESS and at_once:
                    yield from self._cut_off(now)
                elif self.state is not State.IN_PROCESS:
                    yield from self._end(SHUTTING_DOWN, "the server is about to stop; please call again", CLOSE_RESTART)
            case BudgetSpent():
                self._leave = Leave.DUE
                if self.state is State.IDLE and not has_words(self._utterance):
                    yield from self._take_leave(now)
            case TakenUp():
                yield from self._end(BAD_SESSION, "a newer connection has taken up this conversation", CLOSE_POLICY)
            case LineCut():
                self._absence.begin(self._said)
                self._silence.leave(now)
            case LineBack():
                self._silence.come_back(now)
                if (ended := self._absence.end()) is not None:
                    yield from self._react(ended, now)
            case Folded():
                yield from self._memory.take(event)
            case Tick():
                yield from self._tick(now)
            case HungUp():
                self._tail.cut(now)
                yield from self._hang_up()
            case _:
                assert_never(event)

    # --- joining and leaving

    def _join(self, history: Sequence[Message], ready: Mapping[str, Any], now: float) -> Iterator[Effect]:
        self._memory.take_up(history)
        self.state = State.IDLE
        self._silence.begin(now)
        yield self._listen_anew(keep_audio=True)
        yield self._say(events.BOT_READY, {"session": self.sid, **ready}, outside_turn=True)

    def _hang_up(self) -> Iterator[Effect]:
        """First keep what was said: a newer call of the conversation waits for it. Telling the client may take long."""
        yield from self._guessing.drop()
        yield from self._settle()
        was_speaking = self.state is State.IN_PROCESS
        if was_speaking:
            yield CancelReply(self.turn)
            reached = self._absence.reached(self._said)
            yield from self._remember(reached.heard, reached.sent)
        self.state = State.ENDED
        yield self._listening.close()
        if was_speaking:
            yield Account(self.turn)

    def _end(self, code: str, message: str, close_code: int) -> Iterator[Effect]:
        yield from self._hang_up()
        yield self._say_fault(Fault(code, message), outside_turn=True)
        yield HangUp(close_code, code)

    def _tick(self, now: float) -> Iterator[Effect]:
        if self._listening.retry_is_due(now):
            yield self._listen_anew(keep_audio=True)
        if self._listening.tick(now):
            yield from self._listen(now)
        if (heard_out_at := self._tail.deadline) is not None and now >= heard_out_at:
            yield from self._settle()
            yield from self._reflect()
        if self.state is State.IDLE and not self._absence.is_away:
            yield from self._bear_silence(now)

    def _bear_silence(self, now: float) -> Iterator[Effect]:
        match self._silence.due(now):
            case Due.ASK:
                yield from self._ask_if_there()
            case Due.HANG_UP:
                yield from self._end(IDLE_TIMEOUT, f"nothing was said for {self._limits.idle_s:g} s", CLOSE_NORMAL)
            case Due.NOTHING:
                pass
            case due:
                assert_never(due)

    # --- listening

    def _listen(self, now: float) -> Iterator[Effect]:
        """Something new was heard, sensed, or only waited for."""
        yield from self._follow(now)
        if self.state is State.IN_PROCESS:
            yield from self._overhear(now)
        if self.state is State.IDLE:
            yield from self._await_the_end(now)
        if (wake := self._listening.next_wake(now)) is not None:
            yield wake

    def _follow(self, now: float) -> Iterator[Effect]:
        words, over = self._words, self._listening.is_over
        is_new = words.hear(self._listening.text, self._listening.quiet_s, now)
        if not is_new and (words.is_final or not over):
            return
        words.is_final = over
        was_known = words.meaning is Overheard.INTERRUPTION and not is_new
        self._weigh()
        if words.are_a_sign:
            self._silence.end(now)
        if words.are_the_callers and not was_known:
            yield from self._yield_to_words(now)

    def _weigh(self) -> None:
        """Find out whose the words are."""
        words = self._words
        if self.state is State.IN_PROCESS:
            limits = self._limits.interruption
            words.weigh(judge(words.text, self._said.around(), limits, final=words.is_final))
        else:
            words.weigh(self._tail.judge(words))

    def _yield_to_words(self, now: float) -> Iterator[Effect]:
        """They are the caller's: what still sounds of the reply is not heard any more."""
        if self.state is State.IDLE:
            yield from self._leave_the_tail(now)
        if events.SENTENCE_PARTIAL in self.config.events:
            yield self._say(events.SENTENCE_PARTIAL, {"sentence": self._words.text}, outside_turn=True)

    def _leave_the_tail(self, now: float) -> Iterator[Effect]:
        if self._tail.deadline is not None:
            self._tail.cut(now)
            yield from self._settle()
            yield from self._reflect()

    @property
    def _utterance(self) -> str:
        """What the caller has said."""
        return self._tail.without_echo(self._words) if self._words.meaning is Overheard.INTERRUPTION else ""

    def _overhear(self, now: float) -> Iterator[Effect]:
        """The caller speaks over the reply: a wish to speak cuts it off; a nod, a noise or its echo does not."""
        if self._words.meaning is Overheard.INTERRUPTION:
            yield from self._cut_off(now)
            yield from self._reflect()
        elif self._listening.is_over:
            yield self._listen_anew()

    def _await_the_end(self, now: float) -> Iterator[Effect]:
        """The utterance is over, or may be, or goes on."""
        if self._listening.is_over:
            yield from self._take_utterance(now)
        elif self._leave is Leave.NONE and self._listening.is_plausible and has_words(text := self._utterance):
            yield from self._memory.drop()
            yield from self._guessing.begin(self.turn + 1, text, self._memory.messages, self._next_config)
        else:
            yield from self._guessing.drop()

    def _take_utterance(self, now: float) -> Iterator[Effect]:
        text, heard = self._utterance, self._listening.heard
        if self._leave is not Leave.NONE:
            yield from self._take_leave(now)
            return
        if not has_words(text) or heard is None:
            yield from self._guessing.drop()
            yield self._listen_anew()
            return
        end = SpeechEnd(self._listening.number, self._listening.speech_end_ms, heard)
        yield from self._begin_turn(text, end, now)

    def _lose_ears(self, fault: Fault | None) -> Iterator[Effect]:
        yield from self._guessing.drop()
        if fault is not None and self.state is State.IDLE:
            yield self._say_fault(fault, outside_turn=True)

    # --- turns

    def _begin_turn(self, text: str, end: SpeechEnd | None, now: float) -> Iterator[Effect]:
        self._tail.cut(now)
        yield from self._settle()
        if self.config.barge_in:
            self._silence.hush(now)
        guess, dropped = self._guessing.settle(text, self._next_config)
        yield from dropped
        yield from self._memory.drop()
        self.turn += 1
        self.state = State.IN_PROCESS
        self.config = self._next_config
        self._question, self._said = text, Said()
        self._silence.end(now)
        self._absence.turn_begins()
        yield self._listen_anew() if self.config.barge_in else self._listening.close()
        yield self._say(events.SENTENCE_RECOGNIZED, {"sentence": text})
        yield BeginReply(self.turn, text, self._memory.messages, self.config, end, guess)

    def _ask_if_there(self) -> Iterator[Effect]:
        """The silence that it breaks is still the caller's."""
        self._silence.ask()
        yield from self._speak_unasked()
        yield AskIfThere(self.turn, self.config)

    def _take_leave(self, now: float) -> Iterator[Effect]:
        """After the reply that was under way, or what the caller was saying, which is not answered any more."""
        self._leave = Leave.SAID
        self._silence.end(now)
        yield from self._speak_unasked()
        yield TakeLeave(self.turn, self.config)

    def _speak_unasked(self) -> Iterator[Effect]:
        """A turn without an utterance."""
        yield from self._guessing.drop()
        yield from self._settle()
        self.turn += 1
        self.state = State.IN_PROCESS
        self.config = self._next_config
        self._question, self._said = None, Said()
        if not self.config.barge_in:
            yield self._listening.close()
        elif has_words(self._words.text):
            yield self._listen_anew()  # what was said before is no word against it

    def _end_reply(self, text: str, fault: Fault | None, now: float) -> Iterator[Effect]:
        """With barge-in it may yet be stopped before it is heard whole, and is remembered when that is known."""
        self._said.complete()
        still_sounds = self.config.barge_in and self._silence.voice_until > now
        if not still_sounds:
            yield from self._remember(text)
        if fault is not None:
            yield self._say_fault(fault)
        yield from self._finish_turn(now, text if still_sounds else None)
        if not still_sounds:
            yield from self._reflect()

    def _reflect(self) -> Iterator[Effect]:
        """Nobody waits for anything: a time to fold what was said long ago."""
        if self.state is State.IDLE:
            yield from self._memory.fold(self.config.persona)

    def _cut_off(self, now: float) -> Iterator[Effect]:
        """Stop the reply under way; the call is Idle after it."""
        yield CancelReply(self.turn)
        self._silence.hush(now)
        yield from self._remember(self._said.heard, self._said.sent)
        if self.config.barge_in or events.BOT_INTERRUPTED in self.config.events:
            yield self._say(events.BOT_INTERRUPTED, {"spoken": self._said.sent})
        yield from self._finish_turn(now)

    def _finish_turn(self, now: float, unsettled: str | None = None) -> Iterator[Effect]:
        """First the ears, then the word: the caller may speak the instant TTSDone lands."""
        self.state = State.IDLE
        if self._question is not None:
            self._silence.begin(now)
        self._tail = Tail(self._limits.interruption, heeds_nods=self.config.barge_in)
        if self.config.barge_in or self._question is None:
            self._tail.begin(self._said, self._silence.voice_until, now, unsettled)
        if not self._listening.is_open:
            yield self._listen_anew()
        yield Account(self.turn)
        yield self._say(events.TTS_DONE)
        if self._leave is Leave.SAID:
            yield from self._end(BUSY, "this call has cost as much as a call may; please call again", CLOSE_NORMAL)
        elif self._draining:
            yield from self._end(SHUTTING_DOWN, "the server is about to stop; please call again", CLOSE_RESTART)
        elif self._leave is Leave.DUE:
            yield from self._take_leave(now)

    # --- the client's events

    def _obey(self, event: events.ClientEvent, now: float) -> Iterator[Effect]:
        match event:
            case ConfigUpdate(changes):
                self._next_config = self._next_config.merged(changes)
            case UserText(text):
                if self.state is State.IN_PROCESS:
                    yield from self._cut_off(now)
                if self.state is State.IDLE and self._leave is Leave.NONE:
                    yield from self._begin_turn(text, None, now)
            case BotInterrupt():
                if self.state is State.IN_PROCESS:
                    self._silence.end(now)
                    yield from self._cut_off(now)
                    yield from self._reflect()
                elif self._tail.deadline is not None:
                    self._silence.hush(now)
                    self._silence.end(now)
                    self._tail.hush(now)
                    yield from self._settle()
                    yield from self._reflect()
            case PlaybackPosition(turn, played_ms):
                if self._runs(turn):
                    self._said.played(played_ms)
                elif turn == self.turn:
                    self._tail.played(played_ms, now)
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

    def _listen_anew(self, *, keep_audio: bool = False) -> Effect:
        self._words = Words()
        return self._listening.open(keep_audio=keep_audio)

    def _settle(self) -> Iterator[Effect]:
        """It is known how much of the latest reply was heard."""
        if (kept := self._tail.settle()) is not None:
            yield from self._remember(*kept)

    def _remember(self, reply: str, sent: str = "") -> Iterator[Effect]:
        said = [] if self._question is None else [Message("user", self._question)]
        if reply:
            said.append(Message("assistant", reply))
        self._memory.extend(said)
        if said or sent:
            yield Remember(tuple(said), sent if sent != reply else "")

    def _say(self, event: str, payload: dict[str, object] | None = None, *, outside_turn: bool = False) -> Say:
        number = 0 if outside_turn else self.turn
        return Say(event, payload or {}, number if self.config.turn_ids else None)

    def _say_fault(self, fault: Fault, *, outside_turn: bool = False) -> Say:
        payload: dict[str, object] = {"error": {"code": fault.code, "message": fault.message}}
        return self._say(events.BOT_ERROR, payload, outside_turn=outside_turn)
