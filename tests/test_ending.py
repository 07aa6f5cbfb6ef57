"""How a real process ends: told once, told twice, told while it starts."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.protocol.frames import AudioFrame, EventFrame
from tests.support.caller import Caller, dialled, names
from tests.test_handler import PATIENCE_S, environment, said_until, started

SLOW = "replies: [{text: 我慢慢地想一想再说给你听。好不好呢？}]\ntiming: {first_token_ms: 10, token_ms: 60}\n"
"""A reply that takes about a second."""


ENDLESS = "replies: [嗯]\ntiming: {first_token_ms: 9000}\n"
"""One that takes longer than anybody waits."""


@asynccontextmanager
async def in_the_middle_of_a_turn(
    tmp_path: Path, drain_s: int, reply: str = SLOW
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Caller, dict[str, str]]]:
    """A server with one call, whose reply has just begun."""
    script = tmp_path / "script.yaml"
    script.write_text(reply, "utf-8")
    values = environment(EMULATOR_SCRIPT=str(script), DRAIN_SECONDS=str(drain_s), VAD="off")
    async with started(values) as process:
        await said_until(process, "press the call button")
        async with dialled(f"ws://127.0.0.1:{values['CALL_PORT']}/api/live_voice_call/chat") as caller:
            await caller.send("UserText", {"text": "在吗"})
            await caller.until("SentenceRecognized")
            yield process, caller, values


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(PATIENCE_S):
        return await process.wait()


def children_of(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    return children


async def left_of(children: list[psutil.Process]) -> list[psutil.Process]:
    return (await asyncio.to_thread(psutil.wait_procs, children, PATIENCE_S))[1]


async def told(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status, await response.json()


def last_words(frames: list[EventFrame | AudioFrame]) -> tuple[list[str], str]:
    last = frames[-1]
    assert isinstance(last, EventFrame)
    return names(frames), last.payload["error"]["code"]


async def test_told_to_stop_it_finishes_the_turn_takes_no_call_and_ends_well(tmp_path: Path) -> None:
    async with in_the_middle_of_a_turn(tmp_path, drain_s=20) as (process, caller, values):
        ready = f"http://127.0.0.1:{values['WEB_PORT']}/readyz"
        async with asyncio.timeout(PATIENCE_S):
            while (await told(ready))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        children = children_of(process)
        process.send_signal(signal.SIGTERM)
        await said_until(process, "Ending the calls")
        status, body = await told(ready)
        assert (status, body["ready"], body["reason"]) == (503, False, "draining")
        assert (await told(ready.replace("readyz", "healthz")))[0] == 200
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{values['CALL_PORT']}/api/live_voice_call/chat")
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "5"
        came, code = last_words(await caller.until("BotError"))
        assert (came[-2], code) == ("TTSDone", "ShuttingDown")
        assert "audio" in came
        assert (await caller.closed())[0] == 1012
        assert await ended(process) == 0
        assert await left_of(children) == []


async def test_a_turn_that_lasts_longer_than_it_may_is_cut_off_and_it_ends_well(tmp_path: Path) -> None:
    async with in_the_middle_of_a_turn(tmp_path, drain_s=1, reply=ENDLESS) as (process, caller, _):
        process.send_signal(signal.SIGTERM)
        began_s = time.monotonic()
        frames = await caller.until("TTSDone")
        frames += await caller.until("BotError")
        took_s = time.monotonic() - began_s
        assert "audio" not in names(frames)
        assert last_words(frames)[1] == "ShuttingDown"
        assert 1 <= took_s < 8
        assert (await caller.closed())[0] == 1012
        assert await ended(process) == 0


async def test_told_a_second_time_it_ends_at_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with in_the_middle_of_a_turn(tmp_path, drain_s=600) as (process, _, _):
        children = children_of(process)
        process.send_signal(signal.SIGTERM)
        await said_until(process, "Ending the calls")
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == -signal.SIGTERM
        assert await left_of(children) == []


async def test_told_while_it_starts_it_ends_well(tmp_path: Path) -> None:
    async with started(environment(VAD="off")) as process:
        async with asyncio.timeout(PATIENCE_S):
            while not psutil.Process(process.pid).children():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        children = children_of(process)
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
        assert await left_of(children) == []
