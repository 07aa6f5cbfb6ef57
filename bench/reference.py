"""The turn logic that voice bots of this wire have had so far, as a small model: what ours is measured against.

The text has to stay unchanged for two seconds, and that is noticed only when another packet is answered; every turn
shakes hands with all three services anew; a reply is delivered in whole sentences, each synthesised to its end first.

`python -m bench.reference PORT EMULATOR_URL`
"""

import asyncio
import sys
import time
from contextlib import suppress
from typing import Final

import aiohttp
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.protocol.frames import AudioFrame, EventFrame, decode, encode
from bench.vendors import Ears, Voice, chat

UNCHANGED_S: Final = 2.0
_ENDS: Final = ("。", "！", "？", "!", "?")
_BOUND: Final = 1024 * 1024


class ReferenceCall:
    """One call: hear one utterance, answer it, and again. What is said during an answer is dropped."""

    def __init__(self, socket: ServerConnection, emulator_url: str) -> None:
        self._socket = socket
        self._emulator_url = emulator_url
        self._sound: asyncio.Queue[bytes] = asyncio.Queue(1500)
        self._listens = False

    async def run(self) -> None:
        """Until the caller leaves."""
        await self._say("BotReady", {"session": "bench"})
        async with asyncio.TaskGroup() as tasks:
            turns = tasks.create_task(self._turns())
            with suppress(ConnectionClosed):
                async for message in self._socket:
                    if isinstance(message, bytes):
                        self._take(message)
            turns.cancel()

    def _take(self, message: bytes) -> None:
        frame = decode(message, _BOUND)
        if isinstance(frame, AudioFrame) and self._listens and not self._sound.full():
            self._sound.put_nowait(frame.data)

    async def _turns(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                text = await self._hear()
                await self._say("SentenceRecognized", {"sentence": text})
                await self._answer(text)
                await self._say("TTSDone", {})

    async def _hear(self) -> str:
        ears = await Ears(self._emulator_url, "bigmodel").open()
        self._listens = True
        sending = asyncio.create_task(self._send_to(ears))
        text, changed = "", time.monotonic()
        try:
            async for heard, _ in ears:
                if heard != text:
                    text, changed = heard, time.monotonic()
                elif text and time.monotonic() - changed >= UNCHANGED_S:
                    break
        finally:
            self._listens = False
            sending.cancel()
            await ears.close()
            while not self._sound.empty():
                self._sound.get_nowait()
        return text

    async def _send_to(self, ears: Ears) -> None:
        with suppress(ConnectionClosed):
            while True:
                await ears.send(await self._sound.get())

    async def _answer(self, text: str) -> None:
        async with aiohttp.ClientSession() as http:
            voice = await Voice(self._emulator_url, "mp3").open()
            try:
                sentence = ""
                async for token in chat(http, self._emulator_url, text):
                    sentence += token
                    if sentence.endswith(_ENDS):
                        await self._speak(voice, sentence)
                        sentence = ""
                if sentence:
                    await self._speak(voice, sentence)
            finally:
                await voice.close()

    async def _speak(self, voice: Voice, sentence: str) -> None:
        sound = b"".join([piece async for piece in voice.say(sentence)])
        await self._say("TTSSentenceStart", {"sentence": sentence})
        await self._socket.send(encode(AudioFrame(sound)))

    async def _say(self, event: str, payload: dict[str, str]) -> None:
        await self._socket.send(encode(EventFrame(event, payload)))


async def reference(port: int, emulator_url: str) -> None:
    """Serve until cancelled."""

    async def answer(socket: ServerConnection) -> None:
        await ReferenceCall(socket, emulator_url).run()

    async with serve(answer, "127.0.0.1", port, compression=None):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(reference(int(sys.argv[1]), sys.argv[2]))
