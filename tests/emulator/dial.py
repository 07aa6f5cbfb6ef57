"""Raw vendor clients of the tests: frames over `websockets`, nothing more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed

from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import LAST_BIT, SpeechEvent, SpeechFrame, decode, encode

ASR_HEADERS = {
    "X-Api-App-Key": "123",
    "X-Api-Access-Key": "token",
    "X-Api-Resource-Id": "volc.bigasr.sauc.duration",
    "X-Api-Connect-Id": "connect-1",
}
TTS_HEADERS = {**ASR_HEADERS, "X-Api-Resource-Id": "volc.service_type.10029"}
TTS2_HEADERS = {**ASR_HEADERS, "X-Api-Resource-Id": "seed-tts-2.0"}
VOICE = "zh_female_sajiaonvyou_moon_bigtts"
VOICE_2 = "zh_female_vv_uranus_bigtts"

SILENCE_100_MS = bytes(3200)
SPEECH_100_MS = (b"\x00\x20" + b"\x00\xe0") * 800


@asynccontextmanager
async def dialled(url: str, headers: dict[str, str]) -> AsyncIterator["Line"]:
    async with connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        yield Line(socket)


class Line:
    """A connection to a speech service."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @property
    def headers(self) -> Headers:
        """Of the server's handshake."""
        assert self.socket.response is not None
        return self.socket.response.headers

    async def send(self, frame: SpeechFrame | bytes) -> None:
        await self.socket.send(frame if isinstance(frame, bytes) else encode(frame))

    async def receive(self) -> SpeechFrame:
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        return decode(data)

    async def rest(self, *, or_until: SpeechEvent | None = None) -> list[SpeechFrame]:
        """All frames until the server closes, or says this."""
        frames: list[SpeechFrame] = []
        try:
            while not frames or or_until is None or frames[-1].event != or_until:
                frames.append(await self.receive())
        except ConnectionClosed:
            pass
        return frames

    async def closed(self) -> tuple[int, str]:
        """The server's close code and reason."""
        await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    async def start_connection(self) -> SpeechFrame:
        await self.send(event(SpeechEvent.START_CONNECTION))
        return await self.receive()

    async def start_session(self, ident: str, **params: Any) -> SpeechFrame:
        await self.send(start_session(ident, **params))
        return await self.receive()

    async def say(self, ident: str, *texts: str) -> None:
        for text in texts:
            await self.send(task_request(ident, text))

    async def until(self, last: SpeechEvent) -> list[SpeechFrame]:
        """All frames up to this event."""
        frames = [await self.receive()]
        while frames[-1].event != last:
            frames.append(await self.receive())
        return frames


def asr_request(*, sequence: int | None = None, compression: int = 0, **request: Any) -> SpeechFrame:
    audio = {"format": "pcm", "codec": "raw", "rate": 16000, "bits": 16, "channel": 1, **request.pop("audio", {})}
    payload = {"user": {"uid": "u"}, "audio": audio, "request": {"model_name": "bigmodel", **request}}
    return SpeechFrame(
        MessageType.CLIENT_REQUEST,
        json_bytes(payload),
        serialization=Serialization.JSON,
        compression=compression,
        sequence=sequence,
    )


def audio(pcm: bytes, *, last: bool = False, sequence: int | None = None, compression: int = 0) -> SpeechFrame:
    flags = LAST_BIT if last else 0
    return SpeechFrame(MessageType.CLIENT_AUDIO, pcm, flags=flags, sequence=sequence, compression=compression)


def event(number: SpeechEvent, ident: str | None = None, payload: dict[str, Any] | None = None) -> SpeechFrame:
    return SpeechFrame(
        MessageType.CLIENT_REQUEST,
        json_bytes(payload or {}),
        serialization=Serialization.JSON,
        event=number,
        ident=ident,
    )


def start_session(ident: str, *, speaker: str = VOICE, **audio_params: Any) -> SpeechFrame:
    params = {"speaker": speaker, "audio_params": {"format": "mp3", "sample_rate": 24000, **audio_params}}
    payload = {"event": 100, "namespace": "BidirectionalTTS", "req_params": params}
    return event(SpeechEvent.START_SESSION, ident, payload)


def task_request(ident: str, text: str) -> SpeechFrame:
    return event(SpeechEvent.TASK_REQUEST, ident, {"req_params": {"text": text}})
