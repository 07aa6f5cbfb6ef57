"""Each mark of a turn against the moment at which the thing really happened, on the machine's one monotonic clock.

The emulator stamps when it tells a final result, a first token and a first sound. When the chat request and the first
text reach it is noted here, where it takes them, and when a frame leaves for the caller, where the line has sent it.
The caller knows when it fell silent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median

import pytest
from aiohttp.web_protocol import RequestHandler

from backend import compose
from backend.connections.line import WebSocketLine
from backend.marks import MARKS
from backend.protocol.frames import EventFrame
from backend.settings import load
from emulator.script import Script
from emulator.tts_session import TtsSession
from tests.support.caller import SPEECH_100_MS, Caller, audio_up, dialled, read_down
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.switchboard import Switchboard, answering
from tests.telemetry.observed import Notebook

ROUNDS, TURNS = 5, 3
FRAME_S = 0.02
SPEECH_FRAMES, SILENCE_FRAMES = 15, 100
RIGHT_WITHIN_MS = 5
LEAVES = {"SentenceRecognized": "endpoint", "TTSDone": "done"}
SCRIPT = Script.model_validate(
    {
        "hears": [{"text": f"这是第{number}句。", "after_ms": None} for number in range(ROUNDS * TURNS)],
        "replies": [f"好的，第{number}句我听见了。" for number in range(ROUNDS * TURNS)],
        "tone": {"ms_per_char": 5},
        "timing": {"asr_ms": 30, "first_token_ms": 40, "token_ms": 10, "tts_first_byte_ms": 50},
    }
)


class Truth:
    """When things happened in each turn, in seconds."""

    def __init__(self) -> None:
        self.at: list[dict[str, float]] = []

    def note(self, what: str) -> None:
        self.at[-1].setdefault(what, time.monotonic())


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Truth:
    """Notes what the emulator has no stamp for."""
    truth = Truth()
    send = WebSocketLine.send

    async def sent(line: WebSocketLine, data: bytes) -> None:
        await send(line, data)
        frame = read_down(data)
        if (what := LEAVES.get(frame.event) if isinstance(frame, EventFrame) else "first_audio") is not None:
            truth.note(what)

    monkeypatch.setattr(WebSocketLine, "send", sent)
    receive, take = RequestHandler.data_received, TtsSession.take

    def received(handler: RequestHandler, data: bytes) -> None:
        if data.startswith(b"POST "):
            truth.note("request_sent")
        receive(handler, data)

    def taken(session: TtsSession, text: str) -> None:
        truth.note("tts_first_text")
        take(session, text)

    monkeypatch.setattr(RequestHandler, "data_received", received)
    monkeypatch.setattr(TtsSession, "take", taken)
    return truth


@asynccontextmanager
async def calling(notebook: Notebook) -> AsyncIterator[tuple[Caller, EmulatorHandle]]:
    async with running_emulator(SCRIPT, may_leave_lines=True) as vendor:
        port = str(vendor.port)
        settings = load({"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": port, "ASR_END_WINDOW_MS": "200"})
        providers = compose.providers(settings)
        await providers.model.warm()
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=compose.limits(settings.call),
            observer=notebook,
        )
        try:
            async with answering(board), dialled(board.url, delivery="stream", audio_format="pcm") as caller:
                yield caller, vendor
        finally:
            await providers.aclose()


async def _talk(caller: Caller, truth: Truth) -> None:
    """Some speech in real time, then silence, for as long as it takes; the speech ends when its last frame is sent."""
    due = time.monotonic()
    speech, silence = audio_up(SPEECH_100_MS[:640]), audio_up(bytes(640))
    for number in range(SPEECH_FRAMES + SILENCE_FRAMES):
        due += FRAME_S
        await asyncio.sleep(due - time.monotonic())
        await caller.socket.send(speech if number < SPEECH_FRAMES else silence)
        if number == SPEECH_FRAMES - 1:
            truth.note("speech_end")


async def _turn(caller: Caller, truth: Truth) -> None:
    truth.at.append({})
    talking = asyncio.create_task(_talk(caller, truth))
    await caller.until("SentenceRecognized")
    talking.cancel()
    await caller.until("TTSDone")


def _stamped(vendor: EmulatorHandle) -> Iterator[tuple[str, int, float]]:
    """The emulator's stamps: what, in which of its turns, when."""
    names = {"definite": "asr_final", "first_token": "llm_first_token", "first_audio": "tts_first_byte"}
    seen = dict.fromkeys(names, 0)
    for stamp in vendor.stats()["stamps"]:
        if (what := stamp["what"]) in names:
            yield names[what], seen[what], stamp["ns"] / 1e9
            seen[what] += 1


async def _round(caller: Caller, vendor: EmulatorHandle, truth: Truth, notebook: Notebook) -> dict[str, float]:
    """How far each mark is off, in ms; positive is late. The median, for a machine may pause in any one turn."""
    truth.at.clear()
    notebook.turns.clear()
    vendor.house.stats.reset()
    for _ in range(TURNS):
        await _turn(caller, truth)
    for what, turn, at in _stamped(vendor):
        truth.at[turn][what] = at
    marked = [{"speech_end": report.marks.speech_end, **report.marks.at} for report in notebook.turns]
    return {
        what: 1000 * median(mark[what] - true[what] for mark, true in zip(marked, truth.at, strict=True))
        for what in ("speech_end", *MARKS)
    }


async def test_every_mark_is_within_5_ms_of_what_it_marks(truth: Truth) -> None:
    """A mark in the wrong place is off in every round; one that a busy machine delayed is not."""
    notebook, wrong = Notebook(), dict.fromkeys(("speech_end", *MARKS), 0.0)
    async with calling(notebook) as (caller, vendor):
        for _ in range(ROUNDS):
            off_ms = await _round(caller, vendor, truth, notebook)
            wrong = {what: off_ms[what] for what in wrong if abs(off_ms[what]) > RIGHT_WITHIN_MS}
            if not wrong:
                break

    assert wrong == {}
