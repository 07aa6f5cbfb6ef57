"""Plain clients of the emulator's services, for the contenders that are not ours: as little between them and the wire
as there can be. Runs in pipecat's environment too, hence needs websockets and aiohttp alone."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import LAST_BIT, SpeechEvent, SpeechFrame, decode, encode

_KEYS: Final = {"X-Api-App-Key": "bench", "X-Api-Access-Key": "bench"}
_ASR_RESOURCE: Final = "volc.bigasr.sauc.duration"
_TTS_RESOURCE: Final = "seed-tts-1.0"
_SPEAKER: Final = "zh_female_bench_bigtts"
_RATE_HZ: Final = 24_000
END_WINDOW_MS: Final = 500
"""Silence after which the recogniser is definite; our server asks for the same."""


class Ears:
    """One recognition session on a connection of its own.

    Args:
        path: `bigmodel` answers every packet, `bigmodel_async` tells only what has changed.
    """

    def __init__(self, emulator_url: str, path: str) -> None:
        self._url = f"ws://{urlsplit(emulator_url).netloc}/api/v3/sauc/{path}"
        self._socket: ClientConnection

    async def open(self) -> Self:
        """Shake hands and begin."""
        headers = {**_KEYS, "X-Api-Resource-Id": _ASR_RESOURCE, "X-Api-Connect-Id": str(uuid.uuid4())}
        self._socket = await connect(self._url, additional_headers=headers, compression=None, proxy=None)
        body = {
            "user": {"uid": "bench"},
            "audio": {"format": "pcm", "codec": "raw", "rate": 16000, "bits": 16, "channel": 1},
            "request": {"model_name": "bigmodel", "show_utterances": True, "end_window_size": END_WINDOW_MS},
        }
        await self._socket.send(
            encode(SpeechFrame(MessageType.CLIENT_REQUEST, json_bytes(body), serialization=Serialization.JSON))
        )
        return self

    async def send(self, pcm: bytes, *, last: bool = False) -> None:
        """Some sound."""
        await self._socket.send(encode(SpeechFrame(MessageType.CLIENT_AUDIO, pcm, flags=LAST_BIT if last else 0)))

    async def __aiter__(self) -> AsyncIterator[tuple[str, bool]]:
        """Every answer's text, and whether its last utterance is definite."""
        async for message in self._socket:
            if isinstance(message, bytes):
                result = decode(message).json().get("result", {})
                utterances = result.get("utterances") or [{}]
                yield result.get("text", ""), bool(utterances[-1].get("definite"))

    async def close(self) -> None:
        """Let go."""
        await self._socket.close()


async def chat(http: aiohttp.ClientSession, emulator_url: str, text: str) -> AsyncIterator[str]:
    """The answer's tokens."""
    body = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": text}]}
    headers = {"Authorization": "Bearer bench"}
    async with http.post(f"{emulator_url}/api/v3/chat/completions", json=body, headers=headers) as response:
        response.raise_for_status()
        async for line in response.content:
            data = line.removeprefix(b"data: ").strip()
            if data.startswith(b"{"):
                for choice in json.loads(data)["choices"]:
                    if token := choice["delta"].get("content"):
                        yield token


class Voice:
    """A synthesis connection, with one session after another."""

    def __init__(self, emulator_url: str, sound: str) -> None:
        self._url = f"ws://{urlsplit(emulator_url).netloc}/api/v3/tts/bidirection"
        self._sound = sound
        self._socket: ClientConnection

    async def open(self) -> Self:
        """Shake hands and begin the connection."""
        headers = {**_KEYS, "X-Api-Resource-Id": _TTS_RESOURCE, "X-Api-Connect-Id": str(uuid.uuid4())}
        self._socket = await connect(self._url, additional_headers=headers, compression=None, proxy=None, max_size=None)
        await self._tell(SpeechEvent.START_CONNECTION, None, {})
        await self._until(SpeechEvent.CONNECTION_STARTED)
        return self

    async def say(self, sentence: str) -> AsyncIterator[bytes]:
        """One sentence in a session of its own; its sound as it comes."""
        session = uuid.uuid4().hex
        audio = {"format": self._sound, "sample_rate": _RATE_HZ}
        params = {"speaker": _SPEAKER, "audio_params": audio}
        await self._tell(SpeechEvent.START_SESSION, session, {"req_params": params})
        await self._until(SpeechEvent.SESSION_STARTED)
        await self._tell(SpeechEvent.TASK_REQUEST, session, {"req_params": {"text": sentence}})
        await self._tell(SpeechEvent.FINISH_SESSION, session, {})
        while (frame := await self._next()).event != SpeechEvent.SESSION_FINISHED:
            if frame.event == SpeechEvent.AUDIO and frame.ident == session:
                yield frame.payload

    async def close(self) -> None:
        """Let go."""
        await self._socket.close()

    async def _until(self, event: SpeechEvent) -> None:
        while (await self._next()).event != event:
            pass

    async def _next(self) -> SpeechFrame:
        message = await self._socket.recv()
        frame = decode(message if isinstance(message, bytes) else message.encode())
        if frame.error_code is not None or frame.event in (SpeechEvent.CONNECTION_FAILED, SpeechEvent.SESSION_FAILED):
            raise RuntimeError(f"the voice failed: {frame.payload!r}")
        return frame

    async def _tell(self, event: SpeechEvent, session: str | None, body: dict[str, Any]) -> None:
        body = {"user": {"uid": "bench"}, "event": event, "namespace": "BidirectionalTTS", **body}
        await self._socket.send(
            encode(
                SpeechFrame(
                    MessageType.CLIENT_REQUEST,
                    json_bytes(body),
                    serialization=Serialization.JSON,
                    event=event,
                    ident=session,
                )
            )
        )
