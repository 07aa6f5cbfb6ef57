"""The emulator as a process: how it starts, and how it ends."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The process, and the line that it prints when it listens."""
    command = (sys.executable, "-m", "emulator", "--engine", "scripted", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ran(*arguments: str) -> tuple[int | None, str]:
    """Exit status and what it said on stderr."""
    command = (sys.executable, "-m", "emulator", "--engine", "scripted", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_it_says_where_it_listens_and_answers_there() -> None:
    async with started() as (_, line), aiohttp.ClientSession() as http:
        url = line.split()[3].rstrip(",")
        async with http.get(f"{url}/healthz") as response:
            health = await response.json()

    labels = {"asr": "scripted", "llm": "scripted", "tts": "scripted"}
    assert health == {"status": "ok", "engine": "scripted", "chat": "scripted", "labels": labels}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_status_0(number: signal.Signals) -> None:
    async with started() as (process, _):
        process.send_signal(number)

        assert await process.wait() == 0


async def test_it_ends_when_its_parents_pipe_does() -> None:
    async with started("--exit-with-parent") as (process, _):
        assert process.stdin is not None
        process.stdin.close()

        assert await process.wait() == 0


async def test_a_signal_ends_it_while_a_call_is_under_way() -> None:
    async with started() as (process, line), aiohttp.ClientSession() as http:
        url = line.split()[3].rstrip(",")
        headers = {"X-Api-Key": "k", "X-Api-Resource-Id": "seed-tts-1.0"}
        async with http.ws_connect(f"{url}/api/v3/tts/bidirection", headers=headers) as call:
            process.terminate()

            assert (await call.receive()).type is aiohttp.WSMsgType.CLOSE
            assert await process.wait() == 0


async def test_a_taken_port_is_one_sentence_and_status_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        status, said = await ran("--port", str(port))

    assert status == 1
    assert said == (
        f"emulator: cannot listen on 127.0.0.1:{port} (Address already in use): "
        "end the program that uses the port, or choose another with --port\n"
    )


async def test_a_broken_script_is_one_sentence_that_names_file_and_key(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("faults: [{service: asr, kind: explode}]", encoding="utf-8")

    status, said = await ran("--port", "0", "--script", str(script))

    assert status == 1
    assert said.startswith(f"emulator: {script}: faults.0.kind: ")
    assert said.count("\n") == 1
