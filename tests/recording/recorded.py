"""A real call over a socket, with everything in it, recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.config.recording import RecordingSettings
from backend.errors import ProviderRefused, ProviderUnavailable
from backend.recording.recorder import FileRecorder
from tests.support.caller import Caller, dialled
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.switchboard import Switchboard, answering


@asynccontextmanager
async def recording(folder: Path, settings: RecordingSettings | None = None) -> AsyncIterator[Switchboard]:
    """A server that records its calls into the folder; all is written when the block has ended."""
    recorder = FileRecorder(folder, settings or RecordingSettings())
    board = Switchboard(
        FakeRecognizer(
            Hears("你好", partials=("你",)),
            Hears("那明天呢？"),
            ProviderUnavailable("asr", "the connection broke", vendor_code="45000081"),
            Hears("听得到吗？"),
        ),
        FakeModel(
            [["你好呀。", "今天去哪儿玩？"], ["好。"], [ProviderRefused("llm", "no quota", log_id="log-1")], ["能。"]]
        ),
        FakeSynthesizer(),
        recorder=recorder,
    )
    try:
        async with answering(board):
            yield board
    finally:
        recorder.close()


async def eventful(board: Switchboard, sid: str = "sid-4711", **query: str) -> None:
    """Speech, typing, an interruption, other settings, bad frames, faults of the services, and an early good-bye."""
    query |= {"sid": sid, "barge_in": "true", "turn_ids": "true", "events": "SentencePartial"}
    async with dialled(board.url, headers=None, **query) as caller:
        await caller.turn()
        await caller.send("BotUpdateConfig", {"delivery": "stream", "audio_format": "pcm"})
        await caller.turn()
        await _misbehave(caller)
        await caller.send("UserText", {"text": "在吗？"})
        await caller.until("TTSDone")
        await caller.send("UserText", {"text": "\ud83d 再说一遍"})
        await caller.until("SentenceRecognized")
        await caller.send("PlaybackPosition", {"turn": 4, "played_ms": 100})
        await caller.send("BotInterrupt")
        await caller.until("TTSDone")
        await caller.send("UserText", {"text": "再见"})


async def _misbehave(caller: Caller) -> None:
    for message in (b"\x11", "text", b"\x11\x20\x00\x00\x00\x00\x00\x03abc", b"\x11\x10\x10\x00{}"):
        await caller.socket.send(message)
    await caller.send("BotUpdateConfig", {"persona": "nobody"})
    await caller.send("NoSuchEvent")


def only_file(folder: Path) -> Path:
    """The one recording."""
    [path] = folder.iterdir()
    return path
