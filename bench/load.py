"""The callers: each sends its frames on time, speaks when it has heard the reply to its end, and notes what comes."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.dialects import Dialect, Sound, Told
from bench.plan import PAUSE_MS
from bench.voice import speech
from bench.wire import Refused, Wire, dial, masked

JOIN_S: Final = 1.0
GIVE_UP_S: Final = 10.0
"""From the end of speech: a reply that has not begun by then is lost."""
_SLOT_S: Final = 0.002
"""Callers whose frames are due within it send together: a wake-up of the loop costs more than a frame."""
BUFFER_MS: Final = 100.0
"""The caller's jitter buffer: it plays so long after the first sound; a reply that runs it dry has a gap."""
_BYTES_PER_MS: Final = 32


@dataclass(slots=True)
class Turn:
    """One question and its answer, in ns of the machine's monotonic clock; 0 for what has not happened.

    Attributes:
        spoke_ns: when the frame with the last of the speech was due, and its sound just over.
        sentence: the first of the reply.
        dry: how often the sound stopped before the reply had ended.
        metrics: what the server itself says of the turn, where it does.
    """

    spoke_ns: int
    recognised_ns: int = 0
    sentence: str = ""
    sound_ns: int = 0
    done_ns: int = 0
    dry: int = 0
    metrics: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Notes:
    """What the callers of one load noted.

    Attributes:
        turns: all that were begun.
        replies: from an utterance's recognition to the end of its reply, in ns.
        in_flight_ns: of each of the relay's frames of sound: when it came, and how long it was under way.
        late_ns: how late each frame was sent, by the caller's own fault.
        lost: turns that were never answered.
        errors: that the server told, and connections that failed.
    """

    turns: list[Turn] = field(default_factory=list)
    replies: list[tuple[int, int]] = field(default_factory=list)
    in_flight_ns: list[tuple[int, int]] = field(default_factory=list)
    late_ns: list[int] = field(default_factory=list)
    lost: int = 0
    errors: int = 0
    bytes_up: int = 0
    bytes_down: int = 0

    def forget_counts(self) -> None:
        """The window begins."""
        self.bytes_up = self.bytes_down = self.lost = self.errors = 0
        self.late_ns.clear()


class Caller:
    """One caller: speaks at its time, hears the reply out, and speaks again a pause later. Times in seconds.

    Args:
        frames: the speech, one message a frame.
        quiet: one message of silence.
    """

    def __init__(self, notes: Notes, dialect: Dialect, frames: list[bytes], quiet: bytes, speaks_at: float) -> None:
        self._notes = notes
        self._dialect = dialect
        self._frames = frames
        self._quiet = quiet
        self._speaks_at = speaks_at
        self._place = 0
        self._turn: Turn | None = None
        self._playing_until_ns = 0

    def next_frame(self, due: float) -> bytes:
        """What goes up now."""
        if self._place or (self._speaks_at <= due and not self._waits(due)):
            frame = self._frames[self._place]
            self._place += 1
            if self._place == len(self._frames):
                self._place = 0
                self._turn = Turn(spoke_ns=round(due * 1e9))
                self._notes.turns.append(self._turn)
            return frame
        return self._quiet

    def take(self, message: bytes, now_ns: int) -> None:
        """One message from the server."""
        self._notes.bytes_down += len(message)
        match self._dialect.read(message):
            case Sound(ms, sent_ns):
                if sent_ns is not None:
                    self._notes.in_flight_ns.append((now_ns, now_ns - sent_ns))
                self._hear(ms, now_ns)
            case Told(event, payload):
                self._learn(event, payload, now_ns)

    def _waits(self, due: float) -> bool:
        """For a reply that has not begun; for ever it does not."""
        if self._turn is None or self._turn.sound_ns:
            return False
        if due * 1e9 - self._turn.spoke_ns < GIVE_UP_S * 1e9:
            return True
        self._notes.lost += 1
        self._turn = None
        return False

    def _hear(self, ms: float, now_ns: int) -> None:
        turn = self._turn
        if turn is not None and not turn.sound_ns:
            turn.sound_ns = now_ns
        elif turn is not None and now_ns > self._playing_until_ns + BUFFER_MS * 1e6:
            turn.dry += 1
        self._playing_until_ns = max(self._playing_until_ns, now_ns) + round(ms * 1e6)
        self._speaks_at = self._playing_until_ns / 1e9 + PAUSE_MS / 1000

    def _learn(self, event: str, payload: dict[str, object], now_ns: int) -> None:
        turn = self._turn
        if event == "BotError":
            self._notes.errors += 1
        if turn is None:
            return
        match event:
            case "SentenceRecognized":
                turn.recognised_ns = now_ns
            case "TTSSentenceStart":
                turn.sentence = turn.sentence or str(payload["sentence"])
            case "TTSDone":
                turn.done_ns = now_ns
                self._notes.replies.append((turn.recognised_ns, now_ns))
            case "TurnMetrics":
                turn.metrics = {name: ms for name, ms in payload.items() if isinstance(ms, int)}


@asynccontextmanager
async def conversations(url: str, calls: int, spread_s: float, frame_ms: int, dialect: Dialect) -> AsyncIterator[Notes]:
    """So many calls, their first words spread over this time."""
    notes = Notes()
    chance = random.Random(calls)
    frames = [masked(dialect.audio(pcm)) for pcm in speech().frames(frame_ms)]
    quiet = masked(dialect.audio(bytes(frame_ms * _BYTES_PER_MS)))
    now = time.monotonic()
    callers = [Caller(notes, dialect, frames, quiet, now + JOIN_S + chance.uniform(0, spread_s)) for _ in range(calls)]
    line = Line(notes, frame_ms)
    async with asyncio.TaskGroup() as tasks:
        running: list[asyncio.Task[bool] | asyncio.Task[None]] = [
            tasks.create_task(line.join(url, caller, now + chance.uniform(0, JOIN_S)), name="join")
            for caller in callers
        ]
        running.append(tasks.create_task(line.send(), name="send"))
        try:
            yield notes
        finally:
            for task in running:
                task.cancel()
            line.close()


class Line:
    """All callers of a load on one clock: each frame length has slots, and each caller one of them."""

    def __init__(self, notes: Notes, frame_ms: int) -> None:
        self._notes = notes
        self._frame_s = frame_ms / 1000
        self._slots: list[list[tuple[Caller, Wire]]] = [[] for _ in range(round(self._frame_s / _SLOT_S))]
        self._joined = 0
        self._closing = False

    async def join(self, url: str, caller: Caller, at: float) -> bool:
        """Have a caller dial at this time and take part; False when the server would not have it."""
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        try:
            wire = await dial(url, lambda message: caller.take(message, time.monotonic_ns()))
        except (Refused, OSError, TimeoutError):
            self._notes.errors += 1
            return False
        self.add(caller, wire)
        return True

    def add(self, caller: Caller, wire: Wire) -> None:
        """A caller with its connection takes part from now on."""
        self._slots[self._joined * 7 % len(self._slots)].append((caller, wire))
        self._joined += 1
        wire.closed.add_done_callback(lambda _: self._lost())

    async def send(self) -> None:
        """Every caller's frames, each at its time."""
        due, slot = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            members = self._slots[slot]
            if members:
                late_ns = round(1e9 * (time.monotonic() - due))
                for caller, wire in members:
                    frame = caller.next_frame(due)
                    wire.write(frame)
                    self._notes.bytes_up += len(frame)
                self._notes.late_ns += [late_ns] * len(members)
            slot = (slot + 1) % len(self._slots)
            due += _SLOT_S

    def close(self) -> None:
        """Everyone hangs up."""
        self._closing = True
        for members in self._slots:
            for _, wire in members:
                wire.close()
            members.clear()

    def _lost(self) -> None:
        if not self._closing:
            self._notes.errors += 1
