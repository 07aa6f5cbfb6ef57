"""The processes under test and around them: started, pinned to their cores, ended."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import aiohttp
import psutil

from backend.protocol.events import CALL_PATH

ROOT: Final = Path(__file__).resolve().parents[1]
SERVER: Final = ("-m", "backend.handler")
Started = AbstractAsyncContextManager["Running"]
_READY_S: Final = 60.0
_END_S: Final = 15.0
_KEPT_FROM_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH", "MODEL_CACHE")


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the process under test, and those of the rest; None where nothing is pinned."""

    tested: frozenset[int] | None
    others: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Running:
    """A contender with its far end.

    Attributes:
        emulator_url: empty where the far end is no emulator.
    """

    process: psutil.Process
    far_end: psutil.Process
    url: str
    emulator_url: str = ""


def cores() -> Cores:
    """One for what is tested and the others for the rest, where the system has two and lets us choose."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        return Cores(None, None)
    return Cores(frozenset(usable[:1]), frozenset(usable[1:]))


def pin(pid: int, to: frozenset[int] | None) -> None:
    """Keep every thread of a process, and what it starts from now on, to these cores."""
    if to is None or not hasattr(os, "sched_setaffinity"):
        return
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, to)


@asynccontextmanager
async def server(
    on: Cores, extra: Mapping[str, object] | None = None, *, module: Sequence[str] = SERVER
) -> AsyncIterator[Running]:
    """Our server with the scripted emulator, which it starts itself; it refuses nobody unless told to.

    Args:
        extra: further settings.
        module: what is run in the server's place, with its arguments.
    """
    call_port, web_port, emulator_port = free_ports(3)
    settings = {
        **_open_to_all(call_port, web_port),
        "EMULATOR_PORT": emulator_port,
        "EMULATOR_ENGINE": "scripted",
        "ASR_PROVIDER": "emulator",
        "LLM_PROVIDER": "emulator",
        "TTS_PROVIDER": "emulator",
        **(extra or {}),
    }
    async with running(module, "Open http", on.tested, settings) as process:
        emulator = process.children()[0]
        pin(emulator.pid, on.others)
        yield Running(process, emulator, _call_url(call_port), f"http://127.0.0.1:{emulator_port}")


@asynccontextmanager
async def dashscope(
    on: Cores, extra: Mapping[str, object] | None = None, *, module: Sequence[str] = SERVER
) -> AsyncIterator[Running]:
    """Our server with DashScope's services, as an emulator beside it serves them; refuses nobody unless told to.

    Args:
        extra: further settings.
        module: what is run in the server's place, with its arguments.
    """
    call_port, web_port = free_ports(2)
    async with emulator(on) as (far_end, emulator_url):
        settings = {
            **_open_to_all(call_port, web_port),
            "DASHSCOPE_API_KEY": "sk-emulator",
            "DASHSCOPE_WS_URL": f"{emulator_url.replace('http', 'ws', 1)}/api-ws/v1/inference",
            "DASHSCOPE_BASE_URL": f"{emulator_url}/compatible-mode/v1",
            **(extra or {}),
        }
        async with running(module, "Open http", on.tested, settings) as process:
            yield Running(process, far_end, _call_url(call_port), emulator_url)


def _open_to_all(call_port: int, web_port: int) -> dict[str, object]:
    """Nobody is refused."""
    return {
        "CALL_PORT": call_port,
        "WEB_PORT": web_port,
        "MAX_CALLS": 1000,
        "MAX_LOOP_LAG_MS": 0,
        "MAX_LOOP_LOAD": 0,
        "MAX_CALLS_PER_IP": 10_000,
        "HANDSHAKES_PER_IP_S": 10_000,
        "HANDSHAKE_BURST_PER_IP": 10_000,
    }


def _call_url(port: int) -> str:
    return f"ws://127.0.0.1:{port}{CALL_PATH}?delivery=stream"


@asynccontextmanager
async def emulator(on: Cores) -> AsyncIterator[tuple[psutil.Process, str]]:
    """The scripted emulator alone, and its URL."""
    (port,) = free_ports(1)
    asked = ("-m", "emulator", "--port", str(port), "--engine", "scripted")
    async with running(asked, "listening", on.others, {}) as process:
        yield process, f"http://127.0.0.1:{port}"


@asynccontextmanager
async def beside_emulator(
    on: Cores, asked: Sequence[str], *, python: str = sys.executable, more: Sequence[str] = ()
) -> AsyncIterator[Running]:
    """A contender that takes a port and the emulator's URL: `asked PORT URL more`."""
    (port,) = free_ports(1)
    async with (
        emulator(on) as (far_end, emulator_url),
        running((*asked, str(port), emulator_url, *more), "ready", on.tested, {}, python=python) as process,
    ):
        yield Running(process, far_end, f"ws://127.0.0.1:{port}", emulator_url)


@asynccontextmanager
async def relay(on: Cores) -> AsyncIterator[Running]:
    """The relay with its far end."""
    port, upstream_port = free_ports(2)
    async with (
        running(("-m", "bench.upstream", str(upstream_port)), "ready", on.others, {}) as far_end,
        running(("-m", "bench.relay", str(port), f"ws://127.0.0.1:{upstream_port}"), "ready", on.tested, {}) as process,
    ):
        yield Running(process, far_end, f"ws://127.0.0.1:{port}")


async def admin(emulator_url: str, method: str, path: str, body: Any = None) -> Any:
    """Steer an emulator, or ask what it has seen."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{emulator_url}/admin/{path}", json=body, raise_for_status=True) as response,
    ):
        return await response.json()


@asynccontextmanager
async def running(
    arguments: Sequence[str],
    ready: str,
    on: frozenset[int] | None,
    settings: Mapping[str, object],
    *,
    python: str = sys.executable,
    log: IO[bytes] | None = None,
) -> AsyncIterator[psutil.Process]:
    """`python …` in a folder of its own, where no `.env` is found, until the block ends.

    Args:
        log: takes what it says on its standard error.

    Raises:
        RuntimeError: it did not say `ready`; the message has what it said instead.
    """
    environment = {name: os.environ[name] for name in _KEPT_FROM_ENVIRONMENT if name in os.environ}
    environment |= {name: str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as unread:
        log = log or unread
        process = await asyncio.create_subprocess_exec(
            python,
            *arguments,
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            preexec_fn=None if on is None or not hasattr(os, "sched_setaffinity") else _pinned(on),
        )
        drain: asyncio.Task[None] | None = None
        try:
            if not await _says(process, ready):
                log.seek(0)
                raise RuntimeError(f"{' '.join(arguments[:2])} did not start:\n{_tail(log.read())}")
            drain = asyncio.create_task(_drain(process))
            yield psutil.Process(process.pid)
        finally:
            await _end(process)
            if drain is not None:
                drain.cancel()


def _pinned(on: frozenset[int]) -> Any:
    return lambda: os.sched_setaffinity(0, on)


def _tail(log: bytes) -> str:
    return log.decode(errors="replace")[-2000:]


async def _drain(process: asyncio.subprocess.Process) -> None:
    """A pipe that nobody reads would stop the process."""
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


async def _says(process: asyncio.subprocess.Process, ready: str) -> bool:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_READY_S):
            while line := await process.stdout.readline():
                if ready in line.decode():
                    return True
    except TimeoutError:
        pass
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
