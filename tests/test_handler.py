"""The server as its operator starts it: a process, its words, its end."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from backend import handler
from backend.errors import AlreadyToldError, ConfigError
from backend.process import local_vendors
from backend.settings import load
from tests.persona.small import SMALL, write_card
from tests.support.caller import dialled, names

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**values: str) -> dict[str, str]:
    ports = {name: str(free_port()) for name in ("CALL_PORT", "WEB_PORT", "EMULATOR_PORT")}
    return {**os.environ, "EMULATOR_ENGINE": "scripted", "DATABASE_URL": "memory:", **ports, **values}


@asynccontextmanager
async def started(values: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backend.handler",
        env=values,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said_until(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(PATIENCE_S):
        while words not in said:
            line = await process.stdout.readline()
            assert line, f"it ended with {words!r} unsaid:\n{said}"
            said += line.decode()
    return said


async def test_it_says_what_it_runs_on_answers_a_call_and_leaves_nothing_behind() -> None:
    values = environment()
    async with started(values) as process:
        said = await said_until(process, "press the call button")
        assert "乔青青 (Doreen)" in said
        assert f"http://localhost:{values['WEB_PORT']}" in said
        async with dialled(f"ws://127.0.0.1:{values['CALL_PORT']}/api/live_voice_call/chat") as caller:
            await caller.send("UserText", {"text": "在吗"})
            assert names(await caller.until("TTSDone"))[-1] == "TTSDone"
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("emulator" in " ".join(child.cmdline()) for child in children)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []


async def test_the_emulator_ends_with_a_server_that_was_killed() -> None:
    async with started(environment()) as process:
        await said_until(process, "press the call button")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        await process.wait()
        gone, alive = await asyncio.to_thread(psutil.wait_procs, children, PATIENCE_S)

    assert children
    assert alive == []
    assert len(gone) == len(children)


async def test_an_emulator_that_dies_is_started_again() -> None:
    values = environment()
    async with started(values) as process:
        await said_until(process, "press the call button")
        psutil.Process(process.pid).children()[0].kill()
        await said_until(process, "emulator: listening")
        async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE_S):
            url = f"http://127.0.0.1:{values['EMULATOR_PORT']}/healthz"
            async with http.get(url) as response:
                assert response.status in (200, 503)


async def refused(values: dict[str, str]) -> str:
    """What it says when it cannot start."""
    async with started(values) as process, asyncio.timeout(PATIENCE_S):
        said = (await process.communicate())[0].decode()
    assert process.returncode == 1, said
    return said


@pytest.mark.parametrize("name", ["CALL_PORT", "WEB_PORT", "EMULATOR_PORT"])
async def test_a_taken_port_is_one_sentence_with_the_remedy(name: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = await refused(environment(**{name: str(port)}))

    assert said == (
        f"live voice call: cannot listen on 127.0.0.1:{port} (Address already in use): "
        f"end the program that uses the port, or set {name} to a free one\n"
    )


async def test_models_that_cannot_be_fetched_are_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    sources = {"HF_ENDPOINT": nowhere, "PIP_INDEX_URL": nowhere, "PIP_RETRIES": "0", "PIP_NO_INDEX": "1"}
    values = {"EMULATOR_ENGINE": "on-device", "MODEL_CACHE": str(tmp_path), "VAD": "off", **sources}
    said = await refused(environment(**values))

    assert said.count("cannot fetch the model file") == 1
    assert said.splitlines()[-1].startswith("emulator: cannot fetch the model file ")
    assert said.endswith("and start again; what has arrived is kept\n")
    assert "live voice call:" not in said


async def test_an_emulator_that_ends_without_a_word_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_vendors, "_start", lambda _: asyncio.create_subprocess_exec(sys.executable, "-c", "1/0"))
    settings = load({"EMULATOR_PORT": str(free_port())}).emulator
    with pytest.raises(ConfigError, match=r"ended before it was ready \(status 1\)") as told:
        async with local_vendors.local_vendors(settings):
            pass
    assert not isinstance(told.value, AlreadyToldError)


async def test_a_broken_card_is_one_sentence_that_names_file_key_and_reason(tmp_path: Path) -> None:
    card = write_card(tmp_path, SMALL.replace("answer: 拜拜。", "answer: （挥手）拜拜。"))
    said = await refused(environment(PERSONA=str(card)))

    assert said.startswith("live voice call: mei.yaml: examples[2].answer: has a stage direction")
    assert said.count("\n") == 1


async def test_a_broken_setting_is_one_sentence() -> None:
    said = await refused(environment(LLM_TEMPERATURE="hot"))

    assert said.count("\n") == 1, said
    assert "LLM_TEMPERATURE" in said
    assert "hot" in said


def test_who_asks_for_help_gets_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert handler.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m backend.handler")


def test_an_argument_is_refused_as_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert handler.main(["--port", "9000"]) == 2
    assert ".env.example lists them all" in capsys.readouterr().err


async def test_it_does_not_open_itself_to_the_network_without_a_token() -> None:
    said = await refused(environment(WEB_HOST="0.0.0.0"))

    assert said.count("\n") == 1
    assert "WEB_HOST" in said
    assert "ACCESS_TOKEN" in said
