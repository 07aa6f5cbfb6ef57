"""The emulator as a child process: started with the server, watched, and ended with it."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from backend.errors import AlreadyToldError, ConfigError
from backend.process.listening import refuse_taken
from backend.settings import Address, EmulatorSettings

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.1
_END_WITHIN_S: Final = 5.0
_RESTART_AFTER_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_SAID_WHY: Final = 78
"""The emulator's status when it could not start and has said so in a sentence."""


@asynccontextmanager
async def local_vendors(settings: EmulatorSettings) -> AsyncIterator[dict[str, Any]]:
    """The emulator, running; gives what its `/healthz` says. It is started again if it should die.

    Raises:
        AlreadyToldError: it could not start, and has said why itself.
        ConfigError: it could not start; the message says why.
    """
    refuse_taken(settings.address, "EMULATOR_PORT")
    process = await _start(settings)
    watcher: asyncio.Task[None] | None = None
    try:
        health = await _ready(process, settings.address)
        watcher = asyncio.create_task(_keep_alive(process, settings))
        yield health
    finally:
        if watcher is None:
            await _end(process)
        else:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher


async def _start(settings: EmulatorSettings) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "emulator", "--exit-with-parent"]
    command += ["--host", settings.address.host, "--port", str(settings.address.port), "--engine", settings.engine]
    command += ["--script", settings.script] if settings.script else []
    command += ["--cache", settings.model_cache] if settings.model_cache else []
    # a session of its own: Ctrl-C reaches the server alone, which then ends the calls before the services
    return await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, start_new_session=True)


async def _ready(process: asyncio.subprocess.Process, address: Address) -> dict[str, Any]:
    """Wait until it answers. There is no deadline: it may be fetching models, and shows its progress itself."""
    import aiohttp  # noqa: PLC0415 - a server with vendors of its own need not wait for it

    url = f"http://{address.host}:{address.port}/healthz"
    async with aiohttp.ClientSession() as http:
        while process.returncode is None:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(url, timeout=aiohttp.ClientTimeout(2)) as response:
                    if response.status == 200:
                        health: dict[str, Any] = await response.json()
                        return health
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _LOOK_EVERY_S)
    raise _not_started(process.returncode)


def _not_started(status: int | None) -> ConfigError:
    if status == _SAID_WHY:
        return AlreadyToldError("the emulator did not start")
    return ConfigError(
        f"the emulator ended before it was ready (status {status}): see what it printed above, if anything; "
        "EMULATOR_ENGINE=scripted needs no models and little memory"
    )


async def _keep_alive(process: asyncio.subprocess.Process, settings: EmulatorSettings) -> None:
    try:
        while True:
            status = await process.wait()
            log.error("emulator.died", extra={"status": status})
            process = await _started_again(settings)
    finally:
        await _end(process)


async def _started_again(settings: EmulatorSettings) -> asyncio.subprocess.Process:
    """Another one. Where the system has no room for a process it is tried again, after longer and longer pauses."""
    pause_s = _RESTART_AFTER_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            return await _start(settings)
        except OSError as exc:
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            log.warning("emulator.not_started", extra={"reason": str(exc), "again_in_s": pause_s})


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
