"""A client of our own wire, as an author of clients would write it: strict about all that comes down."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backend.protocol.frames import AudioFrame, EventFrame

SILENCE_100_MS = bytes(3200)
SPEECH_100_MS = (b"\x00\x20" + b"\x00\xe0") * 800
PATIENCE_S = 20.0


def event_up(event: str, payload: Mapping[str, Any] | None = None) -> bytes:
    body = json.dumps({"event": event, "payload": payload or {}}).encode()
    return b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body


def audio_up(pcm: bytes) -> bytes:
    return b"\x11\x20\x00\x00" + len(pcm).to_bytes(4, "big") + pcm


def read_down(data: bytes | str, *, bare: bool = False) -> EventFrame | AudioFrame:
    """One frame, with every strictness of the protocol's section 1."""
    assert isinstance(data, bytes)
    assert data[0] == 0x11
    assert data[3] == 0
    flags, body, turn = data[1] & 0xF, data[4:], None
    assert flags in (0, 1)
    if flags:
        turn, body = int.from_bytes(body[:4], "big"), body[4:]
    if not bare:
        assert int.from_bytes(body[:4], "big") == len(body) - 4
        body = body[4:]
    if data[1] >> 4 == 0xB:
        assert data[2] == 0x00
        return AudioFrame(body, turn)
    assert data[1] >> 4 == 0x9
    assert data[2] == 0x10
    content = json.loads(body)
    return EventFrame(content["event"], content["payload"], turn)


class Caller:
    """One call."""

    def __init__(self, socket: ClientConnection, *, bare: bool) -> None:
        self.socket = socket
        self._bare = bare
        self.sid = ""

    async def send(self, event: str, payload: Mapping[str, Any] | None = None) -> None:
        await self.socket.send(event_up(event, payload))

    async def speak(self, ms: int = 300) -> None:
        for _ in range(ms // 100):
            await self.socket.send(audio_up(SPEECH_100_MS))

    async def silence(self, ms: int) -> None:
        for _ in range(ms // 100):
            await self.socket.send(audio_up(SILENCE_100_MS))

    async def next(self) -> EventFrame | AudioFrame:
        async with asyncio.timeout(PATIENCE_S):
            return read_down(await self.socket.recv(), bare=self._bare)

    async def event(self) -> EventFrame:
        frame = await self.next()
        assert isinstance(frame, EventFrame), f"{len(frame.data)} bytes of audio where an event was expected"
        return frame

    async def until(self, event: str) -> list[EventFrame | AudioFrame]:
        """All frames up to and with the first of this event."""
        frames: list[EventFrame | AudioFrame] = []
        while not (frames and isinstance(frames[-1], EventFrame) and frames[-1].event == event):
            frames.append(await self.next())
        return frames

    async def turn(self) -> list[EventFrame | AudioFrame]:
        """Speak, and take the whole of the answer."""
        await self.speak()
        return await self.until("TTSDone")

    async def closed(self) -> tuple[int, str]:
        """The server's close code and reason; what comes before is thrown away."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                pass
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


def names(frames: list[EventFrame | AudioFrame]) -> list[str]:
    """Events by name; audio as `audio`."""
    return [frame.event if isinstance(frame, EventFrame) else "audio" for frame in frames]


@asynccontextmanager
async def dialled(url: str, *, headers: Mapping[str, str] | None = None, **query: str) -> AsyncIterator[Caller]:
    """A call that has been told BotReady."""
    async with dialling(url, headers=headers, **query) as caller:
        ready = await caller.event()
        assert ready.event == "BotReady"
        caller.sid = ready.payload["session"]
        yield caller


@asynccontextmanager
async def dialling(url: str, *, headers: Mapping[str, str] | None = None, **query: str) -> AsyncIterator[Caller]:
    """A call that has been told nothing yet."""
    address = f"{url}?{urlencode(query)}" if query else url
    async with connect(address, compression=None, max_size=None, close_timeout=1, additional_headers=headers) as socket:
        yield Caller(socket, bare=query.get("framing") == "bare")
