"""The replies of one call: the one under way, the one on trial, and what the trials cost."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backend.call.moves import AskIfThere, BeginReply, Fault, Guess, ReplyEnded, TakeLeave
from backend.call.token_count import message_tokens
from backend.cost.meter import Part
from backend.errors import INTERNAL
from backend.expenses import payer
from backend.give_way import give_way
from backend.marks import Clock, TurnMarks
from backend.ports import ChatModel, Message, SpeechOptions, Synthesizer
from backend.protocol.events import TTS_SENTENCE_START, CallConfig, hears_silence, unspoken_event
from backend.protocol.silence import SILENCE_MS, silence
from backend.shell.by_heart import ByHeart
from backend.turn import Reply, Turn, TurnLimits

log = logging.getLogger(__name__)


Unasked = AskIfThere | TakeLeave
Asked = Guess | BeginReply | Unasked


class Caller(Protocol):
    """To whom replies are spoken. `number` is the turn's on the wire, None where the client asked for none."""

    async def say_sentence(self, turn: int, number: int | None, sentence: str, event: str = TTS_SENTENCE_START) -> None:
        """The sound that follows speaks this; with `SentenceUnspoken`, none follows."""

    async def send_sound(self, turn: int, number: int | None, data: bytes, ms: float) -> None:
        """One audio frame, and how long it sounds."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """What a reply is made with.

    Attributes:
        prompt: (persona's id or None, history, utterance) → messages for the model.
        voice: how a reply sounds under a configuration.
        trouble: persona's id or None → what she says when nothing else can be said.
        idle_line: persona's id or None → what she says into a long silence.
        farewell: persona's id or None → what she says when the call has to end.
    """

    model: ChatModel
    synthesizer: Synthesizer
    prompt: Callable[[str | None, Sequence[Message], str], Sequence[Message]]
    voice: Callable[[CallConfig], SpeechOptions]
    trouble: Callable[[str | None], str]
    idle_line: Callable[[str | None], str]
    farewell: Callable[[str | None], str]

    def line(self, unasked: Unasked) -> str:
        """What is said of one's own accord."""
        line = self.farewell if isinstance(unasked, TakeLeave) else self.idle_line
        return line(unasked.config.persona)


@dataclass(slots=True)
class _Running:
    """A reply, from its request on; `begun` once it is no longer on trial; of one that is `stopped` nothing is told."""

    turn: Turn
    speaker: "_Speaker"
    number: int | None
    part: Part
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: ReplyEnded | None = None
    stopped: bool = False
    task: "asyncio.Task[None] | None" = None


class Replies:
    """Begins them, on trial or for good, and cuts them off.

    Args:
        post: takes the news that a reply has ended.
        start: runs a task in the call's group.
        part: who pays for one reply.
    """

    def __init__(
        self,
        sid: str,
        cast: Ensemble,
        caller: Caller,
        limits: TurnLimits,
        *,
        clock: Clock,
        post: Callable[[ReplyEnded], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
        part: Callable[[], Part],
    ) -> None:
        self._sid = sid
        self._cast = cast
        self._caller = caller
        self._limits = limits
        self._clock = clock
        self._post = post
        self._start = start
        self._part = part
        self._trial: _Running | None = None
        self._current: _Running | None = None
        self._waste = Waste()

    @property
    def marks(self) -> TurnMarks:
        """The timings of the reply that began last."""
        return TurnMarks(self._clock(), self._clock) if self._current is None else self._current.turn.marks

    def guess(self, guess: Guess) -> None:
        """Begin to answer, unheard."""
        self._trial = self._run(guess, TurnMarks(self._clock(), self._clock), guess.number)

    def drop(self, number: int) -> None:
        """The guess of this number was wrong."""
        if (trial := self._trial) is not None and trial.number == number:
            self._trial = None
            self._write_off(trial)

    def begin(self, begin: BeginReply, speech_end: float, asr_final: float | None) -> None:
        """Answer: with the guess that was right, unless it came to nothing.

        Args:
            speech_end, asr_final: when the caller's speech ended and the recogniser's last word on it came.
        """
        running = self._adopted(begin.guess) or self._run(begin, TurnMarks(speech_end, self._clock), None)
        self._current = running
        running.part.decide("reply")
        marks = running.turn.marks
        marks.speech_end = speech_end
        if asr_final is not None:
            marks.set("asr_final", asr_final)
            marks.set("endpoint")
        self._waste.charge(marks)
        running.turn.go()
        running.begun.set()

    def ask(self, ask: Unasked) -> None:
        """Say her line, into the silence or at the end."""
        self._current = self._run(ask, TurnMarks(self._clock(), self._clock, unprompted=True), None)
        self._current.part.decide("reply")
        self._current.turn.go()
        self._current.begun.set()

    def cancel(self) -> None:
        """Stop the reply under way at once."""
        if self._current is not None:
            self._current.part.cut()
            _stop(self._current)

    def stop(self) -> None:
        """Stop everything."""
        for running in (self._trial, self._current):
            if running is not None:
                _stop(running)

    def settle(self) -> TurnMarks:
        """The timings and the cost of the reply that is over."""
        marks = self.marks
        marks.set("done")
        if marks.unprompted:  # no chat model was asked
            marks.unset("request_sent", "llm_first_token")
        self._waste.estimate(marks)
        return marks

    def _adopted(self, guess: int | None) -> _Running | None:
        trial, self._trial = self._trial, None
        if trial is None or guess is None or trial.number != guess:
            return None
        if trial.ended is None and not trial.turn.has_failed:
            return trial
        self._write_off(trial)  # it failed while nobody listened; another try costs the time that the guess had saved
        return None

    def _write_off(self, trial: _Running) -> None:
        """A reply on trial was for nothing: stop it, and count what it cost as wasted."""
        self._waste.add(trial.turn)
        trial.part.decide("wasted")
        trial.part.cut()
        _stop(trial)

    def _run(self, asked: Asked, marks: TurnMarks, number: int | None) -> _Running:
        cast = self._cast
        speaker = _Speaker(self._caller, asked)
        model = ByHeart(cast.line(asked)) if isinstance(asked, Unasked) else cast.model
        running = _Running(Turn(model, cast.synthesizer, speaker, marks, self._limits), speaker, number, self._part())
        running.task = self._start(self._work(running, asked))
        return running

    async def _work(self, running: _Running, asked: Asked) -> None:
        payer.set(running.part)
        try:
            await give_way()
            running.ended = await self._answer(running.turn, asked)
        except Exception:
            log_id = uuid.uuid4().hex[:12]
            log.exception("turn.crashed", extra={"session": self._sid, "turn": asked.turn, "log_id": log_id})
            running.turn.marks.failure = INTERNAL
            fault = Fault(INTERNAL, f"something went wrong here (log id {log_id})")
            running.ended = ReplyEnded(asked.turn, "", fault)
        await running.begun.wait()
        if not running.stopped:
            await self._post(running.ended)

    def _reply(self, asked: Asked) -> Reply:
        config = asked.config
        voice = self._cast.voice(config)
        if isinstance(asked, Unasked):
            return Reply((), voice, config.delivery)
        messages = self._cast.prompt(config.persona, asked.history, asked.text)
        return Reply(messages, voice, config.delivery, self._cast.trouble(config.persona))

    async def _answer(self, turn: Turn, asked: Asked) -> ReplyEnded:
        outcome = await turn.run(self._reply(asked))
        if (error := outcome.error) is None:
            return ReplyEnded(asked.turn, outcome.text)
        turn.marks.failure = error.code
        where = {"session": self._sid, "turn": asked.turn, "code": error.code}
        log.warning("turn.failed", extra={**where, "vendor_code": error.vendor_code, "log_id": error.log_id})
        return ReplyEnded(asked.turn, outcome.text, Fault(error.code, str(error)))


class Waste:
    """What wrong guesses cost: told by the service where it got so far, else counted and estimated."""

    def __init__(self) -> None:
        self._requests = 0
        self._unpriced: list[Sequence[Message]] = []
        self._charged: list[Sequence[Message]] = []
        self._tokens: dict[str, int] = {}

    def add(self, turn: Turn) -> None:
        """Count a reply that was for nothing."""
        self._requests += 1
        usage = turn.marks.usage
        if "prompt_tokens" in usage:
            self._spend(usage["prompt_tokens"], usage["completion_tokens"])
        else:
            self._unpriced.append(turn.prompt)
            self._spend(0, turn.tokens)

    def charge(self, marks: TurnMarks) -> None:
        """The turn that begins bears what was wasted before it."""
        if self._requests:
            marks.spend(wasted_requests=self._requests, **self._tokens)
        self._charged += self._unpriced
        self._requests, self._tokens, self._unpriced = 0, {}, []

    def estimate(self, marks: TurnMarks) -> None:
        """A dropped request says nothing of its prompt; it was the turn's own, but for the last line.

        Where the turn was not told of its own either, as it failed or was cut off, the words are counted.
        """
        if charged := self._charged:
            prompt = marks.usage.get("prompt_tokens")
            marks.spend(wasted_prompt_tokens=prompt * len(charged) if prompt else sum(map(message_tokens, charged)))
        self._charged = []

    def _spend(self, prompt: int, completion: int) -> None:
        for name, amount in (("wasted_prompt_tokens", prompt), ("wasted_completion_tokens", completion)):
            self._tokens[name] = self._tokens.get(name, 0) + amount


class _Speaker:
    """Carries a reply's sentences and sound to the caller, under the turn's number.

    Attributes:
        silent: the reply was cut off. Its cancellation takes a few rounds of the loop to reach whoever delivers, and
            what the caller is told next may be written before that.
    """

    def __init__(self, caller: Caller, asked: Asked) -> None:
        self._caller = caller
        self._turn = asked.turn
        self._number = asked.turn if asked.config.turn_ids else None
        self._config = asked.config
        self.silent = False

    async def say(self, sentence: str) -> None:
        if self.silent:
            return
        await self._caller.say_sentence(self._turn, self._number, sentence)

    async def show(self, text: str) -> bool:
        if self.silent:
            return False
        await self._caller.say_sentence(self._turn, self._number, text, unspoken_event(self._config))
        if hears_silence(self._config):
            await self.sound(silence(self._config.audio_format, self._config.sample_rate), SILENCE_MS)
        return True

    async def sound(self, data: bytes, ms: float) -> None:
        if self.silent:
            return
        await self._caller.send_sound(self._turn, self._number, data, ms)


def _stop(running: _Running) -> None:
    running.stopped = running.speaker.silent = True
    running.begun.set()  # the cancellation may be lost: the error of a service that is being left takes its place
    if running.task is not None:
        running.task.cancel()
