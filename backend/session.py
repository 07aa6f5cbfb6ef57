"""The shell of one call: inbox, tasks and clock; carries out what the call asks."""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from backend.call.machine import CLOSE_RESTART, Call, CallLimits, State
from backend.call.moves import (
    Account,
    AskIfThere,
    BeginReply,
    BudgetSpent,
    CallEvent,
    CancelReply,
    CloseEars,
    DrainAsked,
    DropFold,
    DropGuess,
    Effect,
    Fault,
    Fold,
    Guess,
    HangUp,
    Heard,
    HungUp,
    Joined,
    KeepSummary,
    LineBack,
    LineCut,
    Malformed,
    OpenEars,
    Remember,
    Say,
    SentenceSent,
    SoundSent,
    TakeLeave,
    TakenUp,
    Tick,
    Told,
    WakeAt,
)
from backend.connections.line import CLOSE_INTERNAL, Line
from backend.cost.meter import Costs
from backend.ended_tasks import forget_its_cancellation
from backend.errors import INTERNAL, EventError
from backend.expenses import payer
from backend.give_way import AT_ONCE, give_way
from backend.marks import Clock
from backend.ports import (
    ActivityDetector,
    ChatModel,
    ConversationStore,
    Hypothesis,
    Message,
    Recognizer,
    SpeechOptions,
    Synthesizer,
    TurnBill,
    TurnRef,
)
from backend.protocol import events, frames
from backend.protocol.events import CallConfig, ConfigUpdate, Query, UserText
from backend.protocol.frames import AudioFrame, EventFrame, Frame
from backend.recording.tape import Beginning, NoRecorder, Recorder
from backend.shell.ears import Ears, EarsLimits, EarsNews
from backend.shell.folding import Folder, FoldLimits, Recap
from backend.shell.inbox import Inbox
from backend.shell.intake import Intake, IntakeLimits, Pcm, TypingPace
from backend.shell.replying import Ensemble, Replies
from backend.shell.till import Till
from backend.shell.typed import Typed
from backend.telemetry.observer import Observer, Observers, TurnReport
from backend.turn import TurnLimits

log = logging.getLogger(__name__)

INBOX: Final = 64
"""Events that may wait for the call; a client that sends more than it can handle is read more slowly."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every call of a server shares.

    Attributes:
        prompt: (persona's id or None, history, utterance) → messages for the model.
        voice: how a reply sounds under a configuration.
        knows_persona: whether a client may ask for this persona.
        trouble: persona's id or None → what she says when nothing else can be said; empty for nothing.
        idle_line: persona's id or None → what she says into a long silence.
        farewell: persona's id or None → what she says when the call has cost as much as it may.
        recap: how a summary is asked for.
        hot_words: persona's id or None → what her callers are likely to say.
        observer: hears of calls and turns.
        detector: local voice activity; None where there is none.
        costs: prices, and what a call may cost.
    """

    recognizer: Recognizer
    model: ChatModel
    synthesizer: Synthesizer
    store: ConversationStore
    prompt: Callable[[str | None, Sequence[Message], str], Sequence[Message]]
    voice: Callable[[CallConfig], SpeechOptions]
    knows_persona: Callable[[str], bool]
    observer: Observer = field(default_factory=Observers)
    detector: ActivityDetector | None = None
    costs: Costs = field(default_factory=Costs)
    trouble: Callable[[str | None], str] = lambda _persona: ""
    idle_line: Callable[[str | None], str] = lambda _persona: ""
    farewell: Callable[[str | None], str] = lambda _persona: ""
    recorder: Recorder = field(default_factory=NoRecorder)
    recap: Recap = lambda _persona, _summary, said: said
    hot_words: Callable[[str | None], Sequence[str]] = lambda _persona: ()


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The bounds of one call, by the part that keeps them."""

    max_inflated_bytes: int = frames.MAX_INFLATED_BYTES
    call: CallLimits = field(default_factory=CallLimits)
    ears: EarsLimits = field(default_factory=EarsLimits)
    turn: TurnLimits = field(default_factory=TurnLimits)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn as it began: what the client asks for while it lasts is for the next."""

    number: int
    config: CallConfig


_KNOW_THE_CALL: Final = ("_ears", "_replies", "_folder", "_typed", "_till", "_tasks", "_listening")
"""Let go of in the end: what a call has held is freed at once where nothing knows it that it knows."""


class CallSession:
    """One call, from joined to hung up.

    Args:
        ready: what BotReady says besides the conversation's id.
    """

    def __init__(
        self,
        line: Line,
        services: Services,
        query: Query,
        limits: SessionLimits,
        clock: Clock = time.monotonic,
        *,
        owner: str = "",
        ready: Mapping[str, Any] | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.sid = query.sid or str(uuid.uuid4())
        self.owner = owner
        self._line = line
        self._services = services
        self._query = query
        self._limits = limits
        self._clock = clock
        self._ready = ready or {}
        self._config = self._known(query.config)
        self._call = Call(self.sid, limits.call, self._config)
        self._inbox = Inbox(INBOX)
        self._ears = Ears(
            recognizer=services.recognizer,
            detector=services.detector,
            post=self._hear,
            clock=clock,
            limits=limits.ears,
            hot_words=self._hot_words,
        )
        intake, now = IntakeLimits(limits.max_inflated_bytes, limits.ears.ahead_ms), clock()
        self._intake = Intake(intake, now)
        self._typed = Typed(self._inbox, self._start, TypingPace())
        beginning = Beginning(self.id, self.sid, now, query.framing, self._config, limits.call, intake)
        self._tape = services.recorder.begin(beginning)
        self._arrivals: deque[tuple[Hypothesis, float]] = deque(maxlen=INBOX)
        self._till = Till(services.costs, self.id, services.store, services.observer, self._spent)
        self._replies = self._new_replies()
        self._folder = self._new_folder()
        self._tasks: asyncio.TaskGroup
        self._listening: asyncio.Task[None] | None = None
        self._warming: set[asyncio.Task[None]] = set()
        self._announced = False
        self._turn = _Turn(0, self._config)  # that what is carried out belongs to; the call may be a turn further
        self._over = asyncio.Event()

    def _new_replies(self) -> Replies:
        services = self._services
        ensemble = Ensemble(
            model=services.model,
            synthesizer=services.synthesizer,
            prompt=services.prompt,
            voice=services.voice,
            trouble=services.trouble,
            idle_line=services.idle_line,
            farewell=services.farewell,
        )
        return Replies(
            self.sid,
            ensemble,
            self,
            self._limits.turn,
            clock=self._clock,
            post=self._post,
            start=self._start,
            part=self._till.meter.part,
        )

    def _new_folder(self) -> Folder:
        return Folder(
            self._services.model,
            self._services.recap,
            post=self._post,
            start=self._start,
            part=lambda: self._till.meter.part("summary"),
            limits=FoldLimits(answer_tokens=2 * self._limits.call.history.summary_tokens),
        )

    async def run(self) -> None:
        """Hold the call until one side hangs up."""
        payer.set(self._till.part)
        try:
            await self._hold()
        finally:
            self._till.close()
            for part in _KNOW_THE_CALL:
                delattr(self, part)

    async def _hold(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            reading = self._start(self._read())
            try:
                await self._begin()
                await self._decide()
            except Exception:
                log_id = _log_id()
                log.exception("call.crashed", extra={"session": self.sid, "log_id": log_id})
                await self._carry_out(_internal_error(log_id, 0 if self._call.config.turn_ids else None))
                await self._line.close(CLOSE_INTERNAL, INTERNAL)
            self._over.set()
            self._tape.end()
            self._ears.close()
            self._replies.stop()
            self._folder.stop()
            self._typed.stop()
            for task in (reading, self._listening, *self._warming):
                self._stop(task)

    def _known(self, config: CallConfig) -> CallConfig:
        """With the default persona in the place of one that there is not."""
        unknown = config.persona is not None and not self._services.knows_persona(config.persona)
        return replace(config, persona=None) if unknown else config

    async def drain(self, *, at_once: bool = False) -> None:
        """Ask the call to end; a turn under way is finished first, or cut off."""
        self._post_now(DrainAsked(at_once))
        if at_once:
            self._line.hurry()

    async def give_up(self) -> None:
        """End, because a newer connection has the conversation; returns when the last words are kept."""
        self._post_now(TakenUp())
        self._line.hurry()
        await self._over.wait()

    async def _begin(self) -> None:
        services = self._services
        voice = services.voice(self._config).voice
        self._warm(services.recognizer.warm)
        self._warm(lambda: services.synthesizer.warm(voice))
        self._warm(services.model.warm)
        history = await services.store.load(self.sid, self.owner) if self._query.sid else ()
        problems = list(self._query.problems)
        if self._config is not self._query.config:
            problems.append(f"there is no persona {self._query.config.persona!r}")
        faults = [Malformed(Fault(EventError().code, problem)) for problem in problems]
        self._inbox.begin_with((Joined(history, self._ready), *faults))

    async def _decide(self) -> None:
        on_end = 0
        while self._call.state is not State.ENDED:
            on_end = on_end + 1 if self._inbox.has_some else 0
            if on_end > AT_ONCE:  # dozens may lie there, from a client that did not read
                await give_way()
                on_end = 0
            event = await self._next_event()
            now = self._clock()
            effects = self._call.handle(event, now)
            self._tape.move(now, event, effects, self._call)
            for effect in effects:
                await self._carry_out(effect)

    async def _next_event(self) -> CallEvent:
        deadline = self._call.deadline
        event = await self._inbox.get(None if deadline is None else max(0.0, deadline - self._clock()))
        return Tick() if event is None else event

    # --- what arrives

    async def _read(self) -> None:
        async for message in self._line.messages():
            if isinstance(message, LineCut | LineBack):
                self._intake.begin_anew()
                self._tape.anew(self._clock())
                await self._inbox.put(message)
                continue
            now = self._clock()
            taken = self._intake.take(message, now)
            self._tape.frame(now, message, taken)
            if isinstance(taken, Pcm):
                self._ears.hear(taken.data)
            elif isinstance(taken, Told) and isinstance(taken.event, UserText):
                await self._typed.take(taken, now)
            else:
                await self._inbox.put(self._checked(taken))
        await self._inbox.put(HungUp())

    def _checked(self, taken: Told | Malformed) -> Told | Malformed:
        if isinstance(taken, Told) and isinstance(taken.event, ConfigUpdate):
            persona = taken.event.changes.get("persona")
            if persona is not None and not self._services.knows_persona(persona):
                return Malformed(Fault(EventError().code, f"there is no persona {persona!r}"))
        return taken

    async def _hear(self, news: EarsNews) -> None:
        if isinstance(news, Heard):
            self._arrivals.append((news.hypothesis, self._clock()))
            if self._call.config.barge_in and news.hypothesis.text:
                self._announce_a_listening()  # it begins with the reply
        await self._post(news)

    def _hot_words(self) -> Sequence[str]:
        return self._services.hot_words(self._call.config.persona)

    async def _post(self, event: CallEvent) -> None:
        """Let the call know. Once it is over nobody reads what is posted, and nobody may wait for room."""
        if not self._over.is_set():
            await self._inbox.put(event)

    def _post_now(self, event: DrainAsked | TakenUp | BudgetSpent) -> None:
        if not self._over.is_set():
            self._inbox.put_now(event)

    # --- what the call asks for

    async def _carry_out(self, effect: Effect) -> None:  # noqa: PLR0912 - one arm a kind
        match effect:
            case Say(event, payload, turn):
                await self._send(EventFrame(event, payload, turn))
            case OpenEars(ears, keep_audio):
                self._announced = False
                self._ears.open(ears, keep_audio=keep_audio)
                self._stop(self._listening)
                self._listening = self._start(self._ears.listen(ears))
            case CloseEars():
                self._ears.shut()
                self._stop(self._listening)
            case WakeAt(ears, audio_ms):
                self._ears.wake_at(ears, audio_ms)
            case Guess() | DropGuess() | BeginReply() | AskIfThere() | TakeLeave() | CancelReply():
                self._direct(effect)
            case Account(turn):
                await self._account(turn)
            case Remember(messages, sent):
                await self._services.store.append(self.sid, messages, self._ref(), sent)
            case Fold():
                self._folder.begin(effect)
            case DropFold():
                self._folder.stop()
            case KeepSummary(summary, newer):
                self._services.store.fold(self.sid, summary, newer, self._ref())
            case HangUp(close_code, reason):
                self._over.set()
                if close_code == CLOSE_RESTART:  # who is told so calls again at once, and another server answers
                    await self._services.store.settled(self.sid)
                await self._line.close(close_code, reason)
            case _:
                assert_never(effect)

    def _direct(self, effect: Guess | DropGuess | BeginReply | AskIfThere | TakeLeave | CancelReply) -> None:
        """Begin a reply, on trial or for good, or stop one."""
        match effect:
            case Guess():
                self._replies.guess(effect)
            case DropGuess(number):
                self._replies.drop(number)
            case BeginReply():
                self._turn = _Turn(effect.turn, effect.config)
                self._begin_reply(effect)
            case AskIfThere() | TakeLeave():
                self._turn = _Turn(effect.turn, effect.config)
                self._replies.ask(effect)
            case CancelReply():
                self._replies.marks.cut_off = "hung_up" if self._call.state is State.ENDED else "interrupted"
                self._replies.cancel()
            case _:
                assert_never(effect)

    def _ref(self) -> TurnRef:
        return TurnRef(self.id, self._turn.number, self._turn.config.persona, self.owner)

    async def _send(self, frame: Frame) -> None:
        await self._line.send(frames.encode(frame, self._query.framing))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        task.add_done_callback(forget_its_cancellation)
        return task

    def _warm(self, work: Callable[[], Awaitable[None]]) -> None:
        """Get something ready ahead of need, beside everything else."""
        task = self._start(_harmlessly(work))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    def _announce_a_listening(self) -> None:
        """Another will follow the present one soon: its connection is opened now, while nobody waits for it."""
        if not self._announced:
            self._announced = True
            self._warm(self._services.recognizer.warm)

    def _spent(self) -> None:
        """The call has cost as much as it may."""
        self._post_now(BudgetSpent())

    @staticmethod
    def _stop(task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()

    # --- a reply

    def _begin_reply(self, begin: BeginReply) -> None:
        now, end = self._clock(), begin.ended
        if end is None:
            self._replies.begin(begin, now, None)
        else:
            came = next((at for heard, at in reversed(self._arrivals) if heard is end.heard), now)
            self._replies.begin(begin, self._ears.time_of(end.ears, end.at_ms), came)
            if end.heard.served_by:
                self._replies.marks.serve("asr", end.heard.served_by)

    async def say_sentence(
        self, turn: int, number: int | None, sentence: str, event: str = events.TTS_SENTENCE_START
    ) -> None:
        """Send the start of a sentence, or one that has no sound, and let the call know that it was sent."""
        await self._send(EventFrame(event, {"sentence": sentence}, number))
        await self._post(SentenceSent(turn, sentence))

    async def send_sound(self, turn: int, number: int | None, data: bytes, ms: float) -> None:
        """Send one audio frame, and let the call know how much sound has left."""
        await self._send(AudioFrame(data, number))
        await self._post(SoundSent(turn, ms))
        if not self._call.config.barge_in:
            self._announce_a_listening()  # it begins after the reply

    async def _account(self, turn: int) -> None:
        marks = self._replies.settle()
        self._folder.charge(marks)
        charges = self._till.settle(marks)
        ended = {"outcome": marks.outcome, "code": marks.failure, **marks.cost}
        log.info("turn.done", extra={"session": self.sid, "turn": turn, **ended, **marks.in_ms(), **marks.usage})
        self._services.observer.turn_done(self, TurnReport(turn, marks))
        bill = TurnBill(marks.outcome, marks.failure, marks.in_ms(), {**marks.usage, **marks.cost}, charges)
        self._services.store.account(self.sid, self._ref(), bill)
        config = self._turn.config
        if events.TURN_METRICS in config.events:
            number = turn if config.turn_ids else None
            await self._send(EventFrame(events.TURN_METRICS, marks.metrics(), number))


async def _harmlessly(work: Callable[[], Awaitable[None]]) -> None:
    """A call that ends at once may stop this before it begins: nothing must have been begun by then."""
    try:
        await work()
    except Exception:
        log.warning("warm.failed", exc_info=True)


def _log_id() -> str:
    return uuid.uuid4().hex[:12]


def _internal_error(log_id: str, turn: int | None) -> Say:
    error = {"code": INTERNAL, "message": f"something went wrong here (log id {log_id})"}
    return Say(events.BOT_ERROR, {"error": error}, turn)
