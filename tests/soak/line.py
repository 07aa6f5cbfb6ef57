"""The client's end of a call without a socket: what comes is judged at once and not kept."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from backend.call.moves import LineBack, LineCut
from backend.connections.line import CLOSE_INTERNAL
from backend.protocol.frames import EventFrame
from tests.soak.judge import Judge
from tests.soak.services import Mischief
from tests.support.caller import SILENCE_100_MS, audio_up, event_up, read_down

BLOCKED_WRITE_S = 5.0
"""As of `WebSocketLine`."""


class JudgedLine:
    """Reads slowly where mischief says so, and like a socket takes nothing more once it is closed."""

    def __init__(self, mischief: Mischief) -> None:
        self._mischief = mischief
        self._inbound: asyncio.Queue[bytes | str | LineCut | LineBack | None] = asyncio.Queue()
        self.judge = Judge()
        self.latest: deque[tuple[float, str]] = deque(maxlen=40)
        self.news = asyncio.Event()
        self.closed: int | None = None
        self.gone = False

    async def messages(self) -> AsyncIterator[bytes | str | LineCut | LineBack]:
        while (message := await self._inbound.get()) is not None:
            yield message

    async def send(self, data: bytes) -> None:
        if self.gone:
            return
        at, frame = asyncio.get_running_loop().time(), read_down(data)
        self.latest.append((at, f"{frame.event} {frame.payload}" if isinstance(frame, EventFrame) else "sound"))
        self.judge.take(at, frame)
        self.news.set()
        await self._be_read()

    async def _be_read(self) -> None:
        match self._mischief.pick("line", *["reads slowly"] * 20, "reads nothing") if self._mischief.on else "":
            case "reads slowly":
                await asyncio.sleep(self._mischief.chance.random() * 0.05)
            case "reads nothing" if self._mischief.chance.random() < 0.02:
                await asyncio.sleep(BLOCKED_WRITE_S)
                await self.close(CLOSE_INTERNAL, "the client does not read")
            case _:
                await asyncio.sleep(0)

    async def close(self, code: int, _reason: str) -> None:
        self.closed = self.closed or code
        self.leave()

    def hurry(self) -> None:
        """It is never in the way."""

    def leave(self) -> None:
        """The connection is gone."""
        self.gone = True
        self._inbound.put_nowait(None)
        self.news.set()

    def tell(self, event: str, payload: dict[str, Any] | None = None) -> None:
        self._inbound.put_nowait(event_up(event, payload))

    def give(self, message: bytes | str | LineCut | LineBack) -> None:
        """Send anything."""
        self._inbound.put_nowait(message)

    def sound(self) -> None:
        """100 ms of it."""
        self._inbound.put_nowait(audio_up(SILENCE_100_MS))

    async def turn_over(self, *, since: int, within_s: float) -> None:
        """Wait until more turns than `since` are done and none is under way, or until the connection is gone.

        Raises:
            TimeoutError: that does not happen in time.
        """
        async with asyncio.timeout(within_s):
            while not self.gone and not (self.judge.done > since and self.judge.is_idle):
                self.news.clear()
                await self.news.wait()
