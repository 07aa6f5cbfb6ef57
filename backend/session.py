"""The shell of one call: inbox, tasks and clock; carries out what the call asks."""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from backend.call.machine import Call, CallLimits, State
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
from backend.ears import Ears, EarsLimits, Pace
from backend.errors import INTERNAL, EventError, ProtocolError
from backend.line import CLOSE_INTERNAL, Line
from backend.marks import Clock, TurnMarks
from backend.ports import (
    BYTES_PER_MS,
    ChatModel,
    ConversationStore,
    Hypothesis,
    Message,
    Recognizer,
    SpeechOptions,
    Synthesizer,
)
from backend.protocol import events, frames
from backend.protocol.events import CallConfig, ConfigUpdate, Query, parse_event
from backend.protocol.frames import AudioFrame, EventFrame, Frame
from backend.protocol.pcm import SampleAligner
from backend.telemetry.observer import Observer, Observers, TurnReport
from backend.turn import Reply, Turn, TurnLimits

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
        observer: hears of calls and turns.
    """

    recognizer: Recognizer
    model: ChatModel
    synthesizer: Synthesizer
    store: ConversationStore
    prompt: Callable[[str | None, Sequence[Message], str], Sequence[Message]]
    voice: Callable[[CallConfig], SpeechOptions]
    knows_persona: Callable[[str], bool]
    observer: Observer = field(default_factory=Observers)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """When a hypothesis came, and when the last word in it had been spoken."""

    hypothesis: Hypothesis
    came: float
    speech_end: float


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The bounds of one call, by the part that keeps them."""

    max_inflated_bytes: int = frames.MAX_INFLATED_BYTES
    call: CallLimits = field(default_factory=CallLimits)
    ears: EarsLimits = field(default_factory=EarsLimits)
    turn: TurnLimits = field(default_factory=TurnLimits)


class CallSession:
    """One call, from joined to hung up."""

    def __init__(
        self, line: Line, services: Services, query: Query, limits: SessionLimits, clock: Clock = time.monotonic
    ) -> None:
        self.sid = query.sid or str(uuid.uuid4())
        self._line = line
        self._services = services
        self._query = query
        self._limits = limits
        self._clock = clock
        self._call = Call(self.sid, limits.call, query.config)
        self._inbox: asyncio.Queue[CallEvent] = asyncio.Queue(INBOX)
        self._ears = Ears(services.recognizer, self._hear, clock, limits.ears)
        self._pace = Pace(limits.ears.ahead_ms, clock)
        self._aligner = SampleAligner()
        self._bad_in_a_row = 0
        self._arrivals: deque[_Arrival] = deque(maxlen=INBOX)
        self._marks = TurnMarks(clock(), clock)
        self._tasks: asyncio.TaskGroup
        self._listening: asyncio.Task[None] | None = None
        self._replying: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Hold the call until one side hangs up."""
        async with asyncio.TaskGroup() as self._tasks:
            reading = self._tasks.create_task(self._read())
            try:
                await self._begin()
                await self._decide()
            except Exception:
                log_id = _log_id()
                log.exception("call.crashed", extra={"session": self.sid, "log_id": log_id})
                await self._carry_out(_internal_error(log_id))
                await self._line.close(CLOSE_INTERNAL, INTERNAL)
            for task in (reading, self._listening, self._replying):
                if task is not None:
                    task.cancel()

    async def drain(self) -> None:
        """Ask the call to end; a turn under way is finished first."""
        await self._inbox.put(DrainAsked())

    async def _begin(self) -> None:
        history = await self._services.store.load(self.sid)
        await self._inbox.put(Joined(history))
        problems = list(self._query.problems)
        persona = self._query.config.persona
        if persona is not None and not self._services.knows_persona(persona):
            problems.append(f"there is no persona {persona!r}")
        for problem in problems:
            await self._inbox.put(Malformed(Fault(EventError().code, problem)))

    async def _decide(self) -> None:
        while self._call.state is not State.ENDED:
            event = await self._next_event()
            for effect in self._call.handle(event, self._clock()):
                await self._carry_out(effect)

    async def _next_event(self) -> CallEvent:
        if (deadline := self._call.deadline) is None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                return await self._inbox.get()
        except TimeoutError:
            return Tick()

    # --- what arrives

    async def _read(self) -> None:
        async for message in self._line.messages():
            try:
                frame = self._parse(message)
                if isinstance(frame, AudioFrame):
                    self._take_audio(frame.data)
                else:
                    await self._inbox.put(Told(self._checked(frame)))
                self._bad_in_a_row = 0
            except ProtocolError as exc:
                # a whole frame with a wrong event in it is no bad frame
                self._bad_in_a_row = 0 if isinstance(exc, EventError) else self._bad_in_a_row + 1
                await self._inbox.put(Malformed(Fault(exc.code, str(exc)), self._bad_in_a_row))
        await self._inbox.put(HungUp())

    def _parse(self, message: bytes | str) -> Frame:
        if isinstance(message, str):
            raise ProtocolError("this protocol has binary messages only")
        return frames.decode(message, self._limits.max_inflated_bytes)

    def _take_audio(self, data: bytes) -> None:
        pcm = self._aligner.whole_samples(data)
        if not self._pace.admits(len(pcm) / BYTES_PER_MS):
            raise ProtocolError(f"audio is more than {self._limits.ears.ahead_ms} ms ahead of real time")
        self._ears.hear(pcm)

    def _checked(self, frame: EventFrame) -> events.ClientEvent:
        event = parse_event(frame)
        if isinstance(event, ConfigUpdate):
            persona = event.changes.get("persona")
            if persona is not None and not self._services.knows_persona(persona):
                raise EventError(f"there is no persona {persona!r}")
        return event

    async def _hear(self, event: Heard | EarsClosed) -> None:
        if isinstance(event, Heard):
            heard = event.hypothesis
            spoken = self._ears.time_of(heard.end_ms or heard.audio_ms)  # now: the ears' clock may begin anew soon
            self._arrivals.append(_Arrival(heard, self._clock(), spoken))
        await self._inbox.put(event)

    # --- what the call asks for

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Say(event, payload, turn):
                await self._send(EventFrame(event, payload, turn))
            case OpenEars(ears, keep_audio):
                self._ears.open(keep_audio=keep_audio)
                self._stop(self._listening)
                self._listening = self._tasks.create_task(self._ears.listen(ears))
            case CloseEars():
                self._ears.shut()
                self._stop(self._listening)
            case BeginReply():
                self._marks = self._first_marks(effect)
                self._replying = self._tasks.create_task(self._reply(effect, self._marks))
            case CancelReply():
                self._marks.cut_off = "hung_up" if self._call.state is State.ENDED else "interrupted"
                self._stop(self._replying)
            case Account(turn):
                await self._account(turn)
            case Remember(messages):
                await self._services.store.append(self.sid, messages)
            case HangUp(close_code, reason):
                await self._line.close(close_code, reason)
            case _:
                assert_never(effect)

    async def _send(self, frame: Frame) -> None:
        await self._line.send(frames.encode(frame, self._query.framing))

    @staticmethod
    def _stop(task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()

    # --- a reply

    def _first_marks(self, begin: BeginReply) -> TurnMarks:
        arrival = next((a for a in reversed(self._arrivals) if a.hypothesis is begin.heard), None)
        if arrival is None:
            return TurnMarks(self._clock(), self._clock)
        marks = TurnMarks(arrival.speech_end, self._clock)
        marks.set("asr_final", arrival.came)
        marks.set("endpoint")
        return marks

    async def _reply(self, begin: BeginReply, marks: TurnMarks) -> None:
        try:
            event = await self._speak(begin, marks)
        except Exception:
            log_id = _log_id()
            log.exception("turn.crashed", extra={"session": self.sid, "turn": begin.turn, "log_id": log_id})
            marks.failure = INTERNAL
            event = ReplyEnded(begin.turn, "", Fault(INTERNAL, f"something went wrong here (log id {log_id})"))
        await self._inbox.put(event)

    async def _speak(self, begin: BeginReply, marks: TurnMarks) -> ReplyEnded:
        services = self._services
        reply = Reply(
            services.prompt(begin.config.persona, begin.history, begin.text),
            services.voice(begin.config),
            begin.config.delivery,
        )
        speaker = _Speaker(self, begin.turn, begin.turn if begin.config.turn_ids else None)
        outcome = await Turn(services.model, services.synthesizer, speaker, marks, self._limits.turn).run(reply)
        if (error := outcome.error) is None:
            return ReplyEnded(begin.turn, outcome.text)
        marks.failure = error.code
        log.warning(
            "turn.failed",
            extra={
                "session": self.sid,
                "turn": begin.turn,
                "code": error.code,
                "vendor_code": error.vendor_code,
                "log_id": error.log_id,
            },
        )
        return ReplyEnded(begin.turn, outcome.text, Fault(error.code, str(error)))

    async def say_sentence(self, turn: int, number: int | None, sentence: str) -> None:
        """Send the start of a sentence, and let the call know that it was sent."""
        await self._send(EventFrame(events.TTS_SENTENCE_START, {"sentence": sentence}, number))
        await self._inbox.put(SentenceSent(turn, sentence))

    async def send_sound(self, number: int | None, data: bytes) -> None:
        """Send one audio frame."""
        await self._send(AudioFrame(data, number))

    async def _account(self, turn: int) -> None:
        marks = self._marks
        marks.set("done")
        ended = {"outcome": marks.outcome, "code": marks.failure}
        log.info("turn.done", extra={"session": self.sid, "turn": turn, **ended, **marks.in_ms(), **marks.usage})
        self._services.observer.turn_done(self, TurnReport(turn, marks))
        if events.TURN_METRICS in self._call.config.events:
            number = turn if self._call.config.turn_ids else None
            await self._send(EventFrame(events.TURN_METRICS, self._marks.metrics(), number))


class _Speaker:
    """Carries a reply's sentences and sound to the client, under the turn's number."""

    def __init__(self, session: CallSession, turn: int, number: int | None) -> None:
        self._session = session
        self._turn = turn
        self._number = number

    async def say(self, sentence: str) -> None:
        await self._session.say_sentence(self._turn, self._number, sentence)

    async def sound(self, data: bytes) -> None:
        await self._session.send_sound(self._number, data)


def _log_id() -> str:
    return uuid.uuid4().hex[:12]


def _internal_error(log_id: str) -> Say:
    error = {"code": INTERNAL, "message": f"something went wrong here (log id {log_id})"}
    return Say(events.BOT_ERROR, {"error": error})
