"""One call to the server under test: what was sent, what came back, and when."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from conformance import wire
from conformance.verdict import Broken
from conformance.wire import Down

CHUNK_MS: Final = 100
CHUNK_BYTES: Final = CHUNK_MS * wire.BYTES_PER_MS
AHEAD_S: Final = 20.0
"""No kit's caller runs further ahead of real time, so that only the check of that bound meets it."""

UNKNOWN_EVENT: Final = "ConformanceProbe"
BAD_FRAME: Final = b"\x11\x50\x00\x00\x00\x00\x00\x00"
"""A message type that nobody has."""


class Call:
    """Reads all the time, so that what came is known without asking for it.

    Args:
        patience_s: how long to wait for any one thing.
        pace: audio is sent so many times faster than it was spoken.
    """

    def __init__(self, socket: ClientConnection, *, bare: bool, patience_s: float, pace: float) -> None:
        self.socket = socket
        self.frames: list[Down] = []
        self._bare = bare
        self._patience_s = patience_s
        self._pace = pace
        self._read = 0
        self._news = asyncio.Event()
        self._over = False
        self._reading = asyncio.create_task(self._keep_reading())

    async def hang_up(self) -> None:
        """End the call."""
        await self.socket.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def send(self, *messages: bytes | str) -> None:
        """Send as it is; a server that hung up meanwhile is noticed by who waits for an answer."""
        try:
            for message in messages:
                await self.socket.send(message)
        except ConnectionClosed:
            return

    async def tell(self, name: str, payload: Any = None) -> None:
        """Send an event."""
        await self.send(wire.event(name, payload))

    async def next(self) -> Down:
        """The next frame that was not looked at yet.

        Raises:
            Broken: none came in time, or the server hung up.
        """
        deadline = time.monotonic() + self._patience_s
        while self._read >= len(self.frames):
            if self._over:
                raise Broken(
                    f"the server hung up with {self.socket.close_code} {self.socket.close_reason or ''}".strip()
                )
            await self._wait_for_news(deadline)
        self._read += 1
        return self.frames[self._read - 1]

    async def until(self, wanted: str | Callable[[Down], bool]) -> list[Down]:
        """All frames up to and with the first that is wanted: an event's name, or whatever fits."""
        fits = (lambda down: down.name == wanted) if isinstance(wanted, str) else wanted
        seen: list[Down] = []
        try:
            while not (seen and fits(seen[-1])):
                seen.append(await self.next())
        except Broken as exc:
            label = wanted if isinstance(wanted, str) else "what was due"
            came = ", ".join(names(seen)) or "nothing"
            raise Broken(f"waited for {label}, got {came}; {exc}") from exc
        return seen

    async def closed(self) -> int:
        """The server's close code.

        Raises:
            Broken: it did not hang up in time.
        """
        deadline = time.monotonic() + self._patience_s
        while not self._over:
            await self._wait_for_news(deadline, "the server did not hang up")
        return self.socket.close_code or 1006

    @property
    def is_over(self) -> bool:
        """Whether the server has hung up."""
        return self._over

    def unread(self) -> Sequence[Down]:
        """What has come and was not looked at yet."""
        return self.frames[self._read :]

    async def answered_by(self, code: str, *messages: bytes | str) -> Down:
        """Send, and expect a BotError of this code before anything else but a turn's frames."""
        await self.send(*messages)
        seen = await self.until("BotError")
        if seen[-1].code != code:
            raise Broken(f"{wire.hexed(messages[-1])} was answered with {seen[-1].code} instead of {code}", seen[-1])
        return seen[-1]

    async def fenced(self, *messages: bytes | str, with_event: bool = True) -> list[Down]:
        """Send, then something wrong that has to be answered; what came before that answer.

        Args:
            with_event: the wrong thing is an unknown event (BadEvent), else an unknown type (BadFrame).
        """
        fence, code = (wire.event(UNKNOWN_EVENT), "BadEvent") if with_event else (BAD_FRAME, "BadFrame")
        await self.send(*messages, fence)
        return (await self.until(lambda down: down.code == code))[:-1]

    async def taken(self, *messages: bytes | str) -> None:
        """Send what has to be taken without complaint.

        Raises:
            Broken: a BotError answered it.
        """
        fence = wire.event(UNKNOWN_EVENT)
        await self.send(*messages, fence)
        error = (await self.until("BotError"))[-1]
        if error.code != "BadEvent":
            raise Broken(f"{wire.hexed(messages[-1])} was refused", error)
        if extra := [down for down in await self.fenced(with_event=False) if down.name == "BotError"]:
            raise Broken(f"{wire.hexed(messages[-1])} was refused", extra[0])

    async def round_trip(self) -> None:
        """Wait until the server has read all that was sent so far."""
        try:
            async with asyncio.timeout(self._patience_s):
                await (await self.socket.ping())
        except (ConnectionClosed, TimeoutError):
            return

    def cut(self) -> None:
        """The network is gone: no close frame, no goodbye."""
        self.socket.transport.abort()

    def stop_reading(self) -> None:
        """Leave all that comes in the socket, which is made to hold little."""
        plug: socket.socket = self.socket.transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.transport.pause_reading()

    def go_on_reading(self) -> None:
        """Read what has come meanwhile."""
        self.socket.transport.resume_reading()

    @asynccontextmanager
    async def speaking(self, pcm: bytes) -> AsyncIterator[None]:
        """Meanwhile send this sound, and then silence, at a speaker's pace."""
        task = asyncio.create_task(self._speak(pcm))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _speak(self, pcm: bytes) -> None:
        began, sent = time.monotonic(), 0
        while True:
            chunk = pcm[sent * CHUNK_BYTES : (sent + 1) * CHUNK_BYTES]
            await self.send(wire.audio(chunk.ljust(CHUNK_BYTES, b"\0")))
            sent += 1
            heard_s = sent * CHUNK_MS / 1000
            due = began + max(heard_s / self._pace, heard_s - AHEAD_S)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _wait_for_news(self, deadline: float, otherwise: str = "nothing came") -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._news.wait()
        except TimeoutError as exc:
            raise Broken(f"{otherwise} within {self._patience_s:g} s") from exc

    async def _keep_reading(self) -> None:
        try:
            async for message in self.socket:
                raw = message if isinstance(message, str) else bytes(message)
                self.frames.append(wire.take_apart(raw, time.monotonic(), bare=self._bare))
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self._over = True
            self._news.set()


def names(frames: Sequence[Down]) -> list[str]:
    """Events by name, BotErrors with their code, audio as `audio`."""
    return [f"BotError {down.code}" if down.code else down.name for down in frames]
