"""The same over real sockets: a client of the call server whose connections are reset, or replaced while they live."""

import asyncio
import random

from websockets.asyncio.client import ClientConnection, connect

from backend.ports import Sound
from backend.protocol.frames import AudioFrame, EventFrame
from tests.support.caller import PATIENCE_S, event_up
from tests.support.cuts import CUT_SHARE, Client, Tally
from tests.support.fakes import FakeSynthesizer

WISHES = "resume=true&delivery=stream&audio_format=pcm&turn_ids=true"
REPLY = ("我今天去了好多地方。", "先去图书馆看书，又去操场跑步。")


class ToneSynthesizer(FakeSynthesizer):
    """A tenth of a second of sound for each character; each sentence's is its own."""

    def sound_of(self, text: str) -> list[Sound]:
        return [Sound(bytes([len(text)]) * 4800) for _ in text]


class Talker:
    """One client, which types, and counts its frames."""

    def __init__(self, url: str, sid: str) -> None:
        self.client = Client()
        self._url = url
        self._sid = sid
        self._socket: ClientConnection

    async def talk(self, turns: int, chance: random.Random | None, tally: Tally) -> list[bytes]:
        """Every frame that came, in order."""
        await self._dial(WISHES)
        for turn in range(1, turns + 1):
            await self._socket.send(event_up("UserText", {"text": f"第{turn}句话"}))
            over = False
            while not over:
                frame = await self._next()
                over = isinstance(frame, EventFrame) and frame.event == "TTSDone"
                while chance is not None and chance.random() < CUT_SHARE:
                    await self._break(chance, tally)
        await self._socket.close()
        return self.client.frames

    async def _dial(self, wishes: str) -> None:
        address = f"{self._url}?sid={self._sid}&{wishes}"
        self._socket = await connect(address, compression=None, max_size=None, close_timeout=1)
        await self._next()

    async def _next(self) -> EventFrame | AudioFrame:
        async with asyncio.timeout(PATIENCE_S):
            data = await self._socket.recv()
        assert isinstance(data, bytes)
        return self.client.take(data)

    async def _break(self, chance: random.Random, tally: Tally) -> None:
        older, noticed = self._socket, chance.random() < 0.7
        if noticed:
            older.transport.abort()
        await asyncio.sleep(0.1 * chance.random())
        await self._dial(f"resume={self.client.bookmark}")
        assert self.client.goes_on()
        older.transport.abort()
        tally.cuts += 1
        tally.unnoticed += not noticed
