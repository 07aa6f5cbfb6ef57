"""One call with a caller who does anything at any moment, over services that fail. One seed, one life."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from backend import compose
from backend.call.moves import LineBack, LineCut
from backend.ports import Message, SpeechOptions
from backend.protocol.events import OPTIONAL_EVENTS, SAMPLE_RATES_HZ, CallConfig, Query
from backend.protocol.frames import Framing
from backend.recording.tape import NoRecorder, Recorder
from backend.session import CallSession, Services
from backend.settings import load
from backend.store.memory import MemoryStore
from tests.soak.judge import LONGEST_TURN_S, Judge
from tests.soak.line import JudgedLine
from tests.soak.services import Ears, Mind, Mischief, Voice
from tests.support.simulated import SimulatedDetector

SAYINGS: Final = (
    "你好吗？",
    "今天天气怎么样",
    "然后呢，",
    "嗯嗯",
    "What did you do today?",
    "等一下，我想问个问题。",
    "好",
)
LIMITS: Final = compose.limits(load({}).call)
SHARES: Final = (0.0, 0.1, 0.3, 0.9)
"""Of the sessions of services that go wrong."""
CLOSE_CODES: Final = {1000, 1008, 1011, 1012}
LEAVE_S: Final = 3.0
"""A service may take a second to be left; then nothing of the call may be left either."""
NOBODY_SPEAKS: Final = 61.0


@dataclass
class Life:
    """A call to be.

    Attributes:
        turns: after so many the caller says good-bye, if nothing else has ended the call.
        stays: neither side ends the call before that, and the client reads what it is sent.
        judge: what came of it.
    """

    seed: str
    turns: int = 10
    stays: bool = False
    recorder: Recorder = field(default_factory=NoRecorder)
    mischief: Mischief = field(init=False)
    line: JudgedLine = field(init=False)
    session: CallSession = field(init=False)
    proved: bool = False

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        share = 0.03 if self.stays else self._chance.choice(SHARES)
        self.mischief = Mischief(random.Random(self.seed + " services"), share)
        self._ears, self._mind, self._voice = Ears(self.mischief), Mind(self.mischief), Voice(self.mischief)
        self._voice.takes_tokens = self._chance.random() < 0.3
        self._detector = SimulatedDetector() if self._chance.random() < 0.5 else None
        self._store = MemoryStore(20)

    @property
    def judge(self) -> Judge:
        return self.line.judge

    async def live(self) -> None:
        """From joined to hung up.

        Raises:
            AssertionError: the call broke a promise; the message has the seed and what came last.
        """
        self.line = JudgedLine(Mischief(self._chance, on=False) if self.stays else self.mischief)
        self.session = session = CallSession(
            self.line, self._services(), self._query(), LIMITS, asyncio.get_running_loop().time
        )
        running = asyncio.create_task(session.run())
        talking = asyncio.create_task(self._talk(session))
        await asyncio.wait([running, talking], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            talking.cancel()
        with suppress(asyncio.CancelledError):
            await talking
        self.line.leave()
        with self._told("the call does not end"):
            async with asyncio.timeout(LEAVE_S):
                await running
        self._check()

    def _services(self) -> Services:
        def prompt(_persona: str | None, history: Sequence[Message], text: str) -> Sequence[Message]:
            return (*history, Message("user", text))

        def voice(config: CallConfig) -> SpeechOptions:
            return SpeechOptions("a voice", config.audio_format, config.sample_rate)

        return Services(
            self._ears,
            self._mind,
            self._voice,
            self._store,
            prompt,
            voice,
            {"qiao_qingqing", "sam"}.__contains__,
            detector=self._detector,
            recorder=self.recorder,
            idle_line=lambda _persona: "还在吗？",
        )

    def _query(self) -> Query:
        return Query("sid-1", Framing.SIZED, CallConfig(**self._config()), ("a problem",) * self._chance.randrange(2))

    def _config(self) -> dict[str, Any]:
        chance = self._chance
        return {
            "delivery": chance.choice(["sentence", "stream"]),
            "audio_format": chance.choice(["pcm", "pcm", "mp3", "opus"]),
            "sample_rate": chance.choice(SAMPLE_RATES_HZ),
            "barge_in": chance.random() < 0.5,
            "persona": chance.choice([None, "sam"]),
            "turn_ids": True,
            "events": frozenset(name for name in sorted(OPTIONAL_EVENTS) if chance.random() < 0.5),
        }

    # --- the caller

    async def _talk(self, session: CallSession) -> None:
        acts = self._acts(session)
        weights = [weight for weight, _ in acts]
        while self._wants_more() and not self.line.gone:
            [(_, act)] = self._chance.choices(acts, weights)
            turns, done = self.judge.turns, self.judge.done
            await act()
            if self.judge.turns > turns or not self.judge.is_idle:
                await self._hear_out(done)
        if not self.line.gone:
            await self._prove()

    def _wants_more(self) -> bool:
        return self.judge.turns < self.turns

    def _acts(self, session: CallSession) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        acts: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (30, self._speak),
            (30, self._type),
            (6, self._reconfigure),
            (2, self._cut),
            (3, self._wait),
        ]
        if self.stays:
            return acts
        return [
            *acts,
            (4, self._babble),
            (0.3, self._say_nothing),
            (0.5, self._leave),
            (0.3, session.drain),
            (0.3, session.give_up),
        ]

    async def _hear_out(self, done: int) -> None:
        """Listen to the reply, or do anything while it goes on."""
        chance = self._chance
        if chance.random() < 0.6:
            await asyncio.sleep(
                chance.choice([0.0, 0.3, 0.301, 0.56, 0.8, 2.0]) + chance.choice([0, chance.random() * 3])
            )
            cutting = (self._interrupt, self._interrupt, self._type, self._overlap)
            acts = (*cutting, self._reconfigure, self._report, self._cut)
            await chance.choice(acts if self.stays else (*acts, self._babble, self._leave_at_times))()
        with self._told("a turn hangs"):
            await self.line.turn_over(since=done, within_s=2 * LONGEST_TURN_S + 1)

    async def _speak(self) -> None:
        """Say something, and be silent until it is taken or clearly was not heard."""
        turns, saying = self.judge.turns, self._chance.choice(SAYINGS)
        self._sense(speaking=True)
        await self._sound(self._chance.randrange(3, 12))
        if self._chance.random() < 0.5:
            self._ears.hear(saying[:2], definite=False)
            await self._sound(self._chance.randrange(4))
        self._sense(speaking=False)
        self._ears.hear(saying, definite=self._chance.random() < 0.8)
        for _ in range(40):
            if self.judge.turns > turns or self.line.gone:
                break
            await self._sound(1)

    async def _type(self) -> None:
        self.line.tell("UserText", {"text": self._chance.choice(SAYINGS)})
        await self._moment()

    async def _reconfigure(self) -> None:
        changes = self._config()
        names = self._chance.sample(sorted(changes), self._chance.randrange(1, 5))
        names = [name for name in names if name not in {"turn_ids", "persona"}]
        self.line.tell("BotUpdateConfig", {name: _as_json(changes[name]) for name in names} | {"no such key": 1})
        await self._moment()

    async def _babble(self) -> None:
        """Send what is no frame, or no event."""
        for _ in range(self._chance.choice([1, 1, 2, 3, 12])):
            nonsense = ("text", b"", b"\x11", self._chance.randbytes(30), b"\x11\x10\x10\x00\x00\x00\x00\x02{}")
            self.line.give(self._chance.choice(nonsense))
        self.line.tell("BotUpdateConfig", {"persona": "nobody"})
        await self._moment()

    async def _interrupt(self) -> None:
        self.line.tell("BotInterrupt")
        await self._moment()

    async def _overlap(self) -> None:
        """Words over the reply."""
        self._sense(speaking=True)
        self._ears.hear(self._chance.choice(SAYINGS), definite=self._chance.random() < 0.5)
        await self._sound(self._chance.randrange(20))
        self._sense(speaking=False)

    async def _report(self) -> None:
        turn = self.judge.turns + self._chance.choice([0, 0, 0, -1, 1])
        self.line.tell("PlaybackPosition", {"turn": max(0, turn), "played_ms": self._chance.choice([0, 700, 10**9])})
        await self._moment()

    async def _cut(self) -> None:
        """The network drops, and comes back in time."""
        self.line.give(b"\x11\x20\x00\x00\x00\x00\x00\x03abc")
        self.line.give(LineCut())
        await asyncio.sleep(self._chance.random() * 5)
        self.line.give(LineBack())

    async def _wait(self) -> None:
        await self._sound(self._chance.randrange(200))

    async def _say_nothing(self) -> None:
        await asyncio.sleep(NOBODY_SPEAKS)

    async def _leave_at_times(self) -> None:
        if self._chance.random() < 0.1:
            await self._leave()

    async def _leave(self) -> None:
        self.line.leave()

    async def _prove(self) -> None:
        """After all that: with services that work, what is typed is answered, and so is what is said."""
        self.mischief.on = False
        await self._settle()
        for ask in (self._type, self._say_clearly):
            answered = self.judge.answered
            done = self.judge.done
            with self._told("the call no longer works"):
                await ask()
                await self.line.turn_over(since=done, within_s=LONGEST_TURN_S)
            assert self.line.gone or self.judge.answered > answered, self.report("a good turn has no sound")
        self.proved = not self.line.gone

    async def _settle(self) -> None:
        """Wait for the end of what was said and typed before."""
        seen = -1
        with self._told("a turn hangs"):
            async with asyncio.timeout(5 * LONGEST_TURN_S):
                while not self.line.gone and (self.judge.turns != seen or not self.judge.is_idle):
                    seen = self.judge.turns
                    await self._sound(50)

    async def _say_clearly(self) -> None:
        turns = self.judge.turns
        for tenths in range(180):
            if self.judge.turns > turns or self.line.gone:
                return
            if tenths % 60 == 0:
                self._ears.hear("最近怎么样？")
            await self._sound(1)

    async def _sound(self, tenths: int) -> None:
        for _ in range(tenths):
            self.line.sound()
            await asyncio.sleep(0.1)

    async def _moment(self) -> None:
        await asyncio.sleep(self._chance.choice([0, 0.001, 0.1]))

    def _sense(self, *, speaking: bool) -> None:
        if self._detector is not None:
            self._detector.sense(speaking=speaking)

    # --- what must hold

    def _check(self) -> None:
        left = {
            "recognitions": self._ears.open_sessions,
            "requests": self._mind.open_requests,
            "syntheses": self._voice.open_sessions,
        }
        assert not any(left.values()), self.report(f"left open: {left}")
        assert self._detector is None or self._detector.closed, self.report("voice activity is left open")
        assert not self.judge.faults, self.report("; ".join(self.judge.faults[:5]))
        assert self.line.closed in {None, *CLOSE_CODES}, self.report(f"closed with {self.line.closed}")
        cut_off_by_the_end = 0 if self.judge.is_idle else 1
        assert self.judge.done == self.judge.turns - cut_off_by_the_end, self.report("turns without TTSDone")

    def _told(self, what: str) -> "_Told":
        return _Told(lambda: self.report(what))

    def report(self, what: str) -> str:
        """What is wrong, with the seed, what came last, and what had gone wrong on purpose."""
        lines = [f"{at:10.3f} {frame[:100]}" for at, frame in self.line.latest]
        return "\n".join((f"seed {self.seed!r}: {what} (closed: {self.line.closed})", *lines, str(self.mischief.done)))


class _Told:
    """Says with which seed a deadline was missed."""

    def __init__(self, report: Callable[[], str]) -> None:
        self._report = report

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is TimeoutError:
            raise AssertionError(self._report()) from error


def _as_json(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value
