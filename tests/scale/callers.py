"""Callers who come back with their `sid` when the line breaks, as the page does."""

import asyncio
import os
import time
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException

from backend.protocol.frames import AudioFrame, EventFrame
from backend.token import sign
from tests.scale.cluster import Cluster
from tests.support.caller import Caller, dialling

CALLS = int(os.environ.get("SCALE_CALLS", "6"))
SLOW = {"timing": {"token_ms": 150, "tts_piece_ms": 100}}
"""What the emulator does while something shall happen in mid-turn."""
PATIENCE_S = 60.0
AGAIN_S = 0.1


@dataclass
class Persistent:
    """One caller, over however many connections.

    Attributes:
        at: after which frame the next connection shall go on.
    """

    url: str
    number: int
    token: str = field(default="", repr=False)
    sid: str = ""
    at: str = ""
    ready: dict[str, Any] = field(default_factory=dict)
    cuts: int = 0
    back_s: float = 0.0
    _line: Caller | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def line(self) -> Caller:
        assert self._line is not None
        return self._line

    def words(self, turn: str) -> str:
        """Something that nobody else says."""
        return f"caller {self.number:02d} says {turn}"

    async def dial(self) -> None:
        wish = f"{self.at}:{self.ready['resume']['call']}" if self.at else "true"
        address = f"{self.url}?resume={wish}" + (f"&sid={self.sid}" if self.sid else "")
        bearer = {"Authorization": f"Bearer {self.token}"}
        self._line = await self._stack.enter_async_context(dialling(address, headers=bearer))
        ready = await self.line.event()
        assert ready.event == "BotReady", ready
        assert self.sid in ("", ready.payload["session"]), "another conversation was given"
        self.sid, self.ready = ready.payload["session"], dict(ready.payload)

    async def hang_up(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def cut(self) -> None:
        """The network is gone on this side, and nobody said goodbye."""
        self.line.socket.transport.abort()
        await self.hang_up()

    async def begin(self, turn: str) -> None:
        """Say something, and wait until the server has taken it up."""
        await self.line.send("UserText", {"text": self.words(turn)})
        await self.line.until("SentenceRecognized")

    async def ask(self, turn: str) -> str:
        """Say something and take the whole of the answer, as text."""
        await self.begin(turn)
        return said(await self.line.until("TTSDone"))

    async def finish(self) -> bool:
        """Take what still comes of a turn; whether the line held. If it breaks, come back."""
        try:
            await self.line.until("TTSDone")
        except ConnectionClosed:
            await self._come_back()
            return False
        return True

    async def notice(self) -> None:
        """Wait for the line to break, and come back."""
        await self.line.closed()
        await self._come_back()

    async def _come_back(self) -> None:
        broken_s = time.monotonic()
        self.cuts += 1
        with suppress(WebSocketException):
            await self.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self.dial()
                except (WebSocketException, OSError):
                    await asyncio.sleep(AGAIN_S)
                    continue
                break
        self.back_s = time.monotonic() - broken_s


def said(frames: list[EventFrame | AudioFrame]) -> str:
    """The sentences of an answer; an error in it is one."""
    for frame in frames:
        assert not isinstance(frame, EventFrame) or frame.event != "BotError", frame
    return "".join(
        frame.payload["sentence"]
        for frame in frames
        if isinstance(frame, EventFrame) and frame.event == "TTSSentenceStart"
    )


def caller_of(group: Cluster, number: int) -> Persistent:
    """A caller with a token of their own; every server knows the secret that signed it."""
    return Persistent(group.url, number, sign(group.secret, seconds=3600, user=f"caller-{number}"))


async def together(work: Iterable[Awaitable[object]]) -> None:
    await asyncio.gather(*work)
