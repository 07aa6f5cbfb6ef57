"""A raw client of DashScope's task protocol: messages over `websockets`, nothing more."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_FILE = Path(__file__).parents[1] / "vectors" / "dashscope.json"
_VECTORS: dict[str, dict[str, Any]] = {
    vector["name"]: vector for vector in json.loads(_FILE.read_text(encoding="utf-8"))
}
TASK = "0123456789abcdef0123456789abcdef"
"""The task id of all golden frames."""


def golden(name: str) -> str:
    """One text message, as it was captured or is documented."""
    body: str = _VECTORS[name]["body"]
    return body


class Line:
    """A connection to the task service."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: str | bytes | dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def receive(self) -> dict[str, Any] | bytes:
        data = await self.socket.recv()
        return data if isinstance(data, bytes) else json.loads(data)

    async def until(self, event: str) -> list[dict[str, Any] | bytes]:
        """All messages up to this event."""
        messages = [await self.receive()]
        while name_of(messages[-1]) != event:
            messages.append(await self.receive())
        return messages

    async def rest(self) -> list[dict[str, Any] | bytes]:
        """All messages until the service hangs up."""
        messages: list[dict[str, Any] | bytes] = []
        try:
            while True:
                messages.append(await self.receive())
        except ConnectionClosed:
            return messages


def name_of(message: dict[str, Any] | bytes) -> str:
    return "audio" if isinstance(message, bytes) else str(message["header"]["event"])


def command(action: str, payload: dict[str, Any] | None = None, task_id: str = TASK) -> dict[str, Any]:
    header = {"action": action, "task_id": task_id, "streaming": "duplex"}
    return {"header": header, "payload": {"input": {}} if payload is None else payload}


def run_asr(task_id: str = TASK, **parameters: Any) -> dict[str, Any]:
    wanted = {"format": "pcm", "sample_rate": 16000, **parameters}
    task = {"task_group": "audio", "task": "asr", "function": "recognition", "model": "paraformer-realtime-v2"}
    return command("run-task", {**task, "parameters": wanted, "input": {}}, task_id)


def run_tts(task_id: str = TASK, *, model: str = "cosyvoice-v2", **parameters: Any) -> dict[str, Any]:
    wanted = {"text_type": "PlainText", "voice": "longhua_v2", "format": "pcm", "sample_rate": 24000, **parameters}
    task = {"task_group": "audio", "task": "tts", "function": "SpeechSynthesizer", "model": model}
    return command("run-task", {**task, "parameters": wanted, "input": {}}, task_id)


@asynccontextmanager
async def dialled(url: str, key: str = "bearer sk-test") -> AsyncIterator[Line]:
    async with connect(url, additional_headers={"Authorization": key}, compression=None, max_size=None) as socket:
        yield Line(socket)
