"""The processes under test and around them: started, pinned to their cores, ended."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from backend.protocol.events import CALL_PATH

_ROOT: Final = Path(__file__).resolve().parents[1]
_READY_S: Final = 60.0
_END_S: Final = 15.0
_KEPT_FROM_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH", "MODEL_CACHE")


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the process under test, and those of the rest; None where nothing is pinned."""

    tested: frozenset[int] | None
    others: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Server:
    """Our server, running."""

    process: psutil.Process
    emulator: psutil.Process
    call_url: str
    emulator_url: str


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay, running."""

    process: psutil.Process
    upstream: psutil.Process
    url: str


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
    on: Cores, extra: Mapping[str, str] | None = None, *, module: tuple[str, ...] = ("backend.handler",)
) -> AsyncIterator[Server]:
    """Our server with the scripted emulator, which it starts itself.

    Args:
        extra: further settings.
        module: what is run in the server's place, with its arguments.
    """
    call_port, web_port, emulator_port = _free_ports(3)
    settings = {
        "CALL_PORT": call_port,
        "WEB_PORT": web_port,
        "EMULATOR_PORT": emulator_port,
        "EMULATOR_ENGINE": "scripted",
        "ASR_PROVIDER": "emulator",
        "LLM_PROVIDER": "emulator",
        "TTS_PROVIDER": "emulator",
        "MAX_CALLS": 1000,
        "MAX_LOOP_LAG_MS": 0,
        **(extra or {}),
    }
    environment = {name: str(value) for name, value in settings.items()}
    async with _running(module, "Open http", on.tested, environment) as process:
        emulator = process.children()[0]
        pin(emulator.pid, on.others)
        call_url = f"ws://127.0.0.1:{call_port}{CALL_PATH}?delivery=stream"
        yield Server(process, emulator, call_url, f"http://127.0.0.1:{emulator_port}")


@asynccontextmanager
async def relay(on: Cores) -> AsyncIterator[Relay]:
    """The relay with its far end."""
    port, upstream_port = _free_ports(2)
    async with AsyncExitStack() as stack:
        far_end = await stack.enter_async_context(
            _running(("bench.upstream", str(upstream_port)), "ready", on.others, {})
        )
        relayed = ("bench.relay", str(port), f"ws://127.0.0.1:{upstream_port}")
        process = await stack.enter_async_context(_running(relayed, "ready", on.tested, {}))
        yield Relay(process, far_end, f"ws://127.0.0.1:{port}")


@asynccontextmanager
async def _running(
    module: tuple[str, ...], ready: str, on: frozenset[int] | None, settings: Mapping[str, str]
) -> AsyncIterator[psutil.Process]:
    """`python -m …` in a folder of its own, where no `.env` is found, until the block ends."""
    environment = {name: os.environ[name] for name in _KEPT_FROM_ENVIRONMENT if name in os.environ}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            cwd=folder,
            env={**environment, **settings, "PYTHONPATH": str(_ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            pin(process.pid, on)
            if not await _says(process, ready):
                log.seek(0)
                raise RuntimeError(f"{module[0]} did not start:\n{log.read().decode(errors='replace')}")
            yield psutil.Process(process.pid)
        finally:
            await _end(process)


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


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
