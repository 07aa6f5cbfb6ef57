"""A client whose network breaks again and again, on a clock that jumps; it counts its frames as the README says.

A connection carries what the server sends with a delay; when it is cut, what is under way is lost.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from backend.connections.kept_line import KeptLine, ResumeLimits
from backend.protocol.events import CallConfig
from backend.protocol.frames import AudioFrame, EventFrame, Framing
from backend.protocol.position import Position
from backend.session import CallSession
from tests.support.caller import event_up, read_down
from tests.support.simulated import Simulation

CUT_SHARE = 0.15
"""Of the frames, after which the connection is cut."""
STREAMED = CallConfig(delivery="stream", audio_format="pcm", turn_ids=True)


class SimulatedConnection:
    """One connection: the server's end is a `Connection`, the client's `arrived` and `tell`."""

    def __init__(self, latency_s: float = 0.02) -> None:
        self.was_cut = False
        self.closed: int | None = None
        self.arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._latency_s = latency_s
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._inbound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._stirred = asyncio.Event()
        self._dead = False
        self._carrying = asyncio.create_task(self._carry())

    # --- the server's end

    async def messages(self) -> AsyncIterator[bytes | str]:
        while (message := await self._inbound.get()) is not None:
            yield message

    async def send(self, data: bytes) -> None:
        if not self._dead:
            self._under_way.append((asyncio.get_running_loop().time() + self._latency_s, data))
            self._stirred.set()
        await asyncio.sleep(0)

    async def close(self, code: int, _reason: str) -> None:
        await asyncio.sleep(self._latency_s)
        self.closed = code
        self._end()

    def hurry(self) -> None:
        """It is never in the way."""

    # --- the client's end

    def tell(self, message: bytes) -> None:
        self._inbound.put_nowait(message)

    def hang_up(self) -> None:
        """Say goodbye."""
        self._end()

    def cut(self, *, noticed: bool = True) -> None:
        """Lose what is under way; the server is told now, or has yet to notice."""
        self._dead = True
        self._under_way.clear()
        if noticed:
            self.was_cut = True
            self._end()

    def _end(self) -> None:
        self._inbound.put_nowait(None)
        self._carrying.cancel()
        self.arrived.put_nowait(None)

    async def _carry(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._under_way:
                due = self._under_way[0][0]
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                if self._under_way:
                    self.arrived.put_nowait(self._under_way.popleft()[1])


@dataclass
class Exchange:
    """A call over a `KeptLine`, and the ways to its client."""

    sim: Simulation
    kept: KeptLine
    session: CallSession
    connection: SimulatedConnection
    calls: asyncio.TaskGroup

    def come_back(self, position: Position, latency_s: float = 0.02) -> SimulatedConnection:
        """Another connection, that goes on after this frame."""
        self.connection = SimulatedConnection(latency_s)
        self.calls.create_task(self.kept.resume(self.connection, position))
        return self.connection


@asynccontextmanager
async def exchange(config: CallConfig = STREAMED, limits: ResumeLimits | None = None) -> AsyncIterator[Exchange]:
    """The call runs until the block ends, or before."""
    sim = Simulation(config=config)
    connection = SimulatedConnection()
    kept = KeptLine(connection, Framing.SIZED, limits or ResumeLimits())
    kept.sid = "sid-1"
    session = sim.session_over(kept, {"resume": kept.stands()})
    async with asyncio.TaskGroup() as calls:
        calls.create_task(kept.carry(connection))
        running = calls.create_task(session.run())
        ex = Exchange(sim, kept, session, connection, calls)
        try:
            yield ex
        finally:
            kept.end()
            ex.connection.hang_up()
            await running


@dataclass
class Client:
    """Takes frames, and knows where it is."""

    at: Position = field(default_factory=Position)
    frames: list[bytes] = field(default_factory=list)
    ready: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bookmark(self) -> str:
        """What it names when it comes back."""
        return f"{self.at}:{self.ready[-1]['resume']['call']}"

    def goes_on(self) -> bool:
        """Whether the last BotReady was that of the same call, where the client is."""
        first, last = self.ready[0]["resume"], self.ready[-1]["resume"]
        return bool(last == {**first, "turn": self.at.turn, "frame": self.at.frame})

    def take(self, data: bytes) -> EventFrame | AudioFrame:
        """One frame: BotReady is not counted."""
        frame = read_down(data)
        if isinstance(frame, EventFrame) and frame.event == "BotReady":
            self.ready.append(frame.payload)
            return frame
        self.at = self.at.following(begins_turn=isinstance(frame, EventFrame) and frame.event == "SentenceRecognized")
        self.frames.append(data)
        return frame


@dataclass
class Tally:
    """What a run of cuts came to."""

    cuts: int = 0
    unnoticed: int = 0
    again: int = 0
    frames: int = 0
    missed: int = 0


async def talk(ex: Exchange, turns: int, chance: random.Random | None, tally: Tally) -> list[bytes]:
    """Some typed turns, with cuts at random moments where there is a `chance`; every frame that came, in order."""
    client = Client()
    await _arrives(ex, client)
    for turn in range(1, turns + 1):
        ex.connection.tell(event_up("UserText", {"text": f"第{turn}句话"}))
        over = False
        while not over:
            frame = await _arrives(ex, client)
            over = isinstance(frame, EventFrame) and frame.event == "TTSDone"
            if chance is not None and chance.random() < CUT_SHARE:
                await _break(ex, client, chance, tally)
    tally.frames += len(client.frames)
    return client.frames


async def _arrives(ex: Exchange, client: Client) -> EventFrame | AudioFrame:
    data = await ex.connection.arrived.get()
    assert data is not None, f"the line ended at {client.at}"
    return client.take(data)


async def _break(ex: Exchange, client: Client, chance: random.Random, tally: Tally) -> None:
    """Cut, stay away for a while, and come back where the client is; sometimes only to be cut again at once."""
    again = True
    while again:
        noticed = chance.random() < 0.7
        ex.connection.cut(noticed=noticed)
        await asyncio.sleep(chance.choice([0.0, 0.05, 0.5, 3.0, 25.0]) * chance.random())
        tally.cuts += 1
        tally.unnoticed += not noticed
        tally.missed += ex.kept.position != client.at
        ex.come_back(client.at, chance.choice([0.0, 0.02, 0.2]))
        await _arrives(ex, client)
        assert client.goes_on()
        again = chance.random() < 0.2
        tally.again += again
