"""The emulator in the test's own event loop, on an ephemeral port of this machine.

    async with running_emulator(Script(hears=["hello"], replies=["hi"])) as vendor:
        settings = settings_for(asr_url=vendor.asr_url(), tts_url=vendor.tts_url(), ark_base_url=vendor.ark_url)

A line of the script that was never used fails the test on exit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from emulator import engines
from emulator.house import House
from emulator.script import Script, Service
from emulator.server import listen


class EmulatorHandle:
    """A running emulator, as a test sees it."""

    def __init__(self, house: House, port: int) -> None:
        self.house = house
        self.port = port
        self.http_url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"

    def asr_url(self, path: str = "bigmodel_async") -> str:
        """Of one of the three recognition paths."""
        return f"{self.ws_url}/api/v3/sauc/{path}"

    def tts_url(self, path: str = "bidirection") -> str:
        """Of `bidirection` or `unidirectional/stream`."""
        return f"{self.ws_url}/api/v3/tts/{path}"

    @property
    def ark_url(self) -> str:
        """What an Ark client takes as its base URL."""
        return f"{self.http_url}/api/v3"

    @property
    def openai_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"{self.http_url}/v1"

    @property
    def dashscope_ws_url(self) -> str:
        """Where DashScope's speech tasks are served."""
        return f"{self.ws_url}/api-ws/v1/inference"

    @property
    def qwen_url(self) -> str:
        """What an OpenAI client takes as the base URL of Qwen."""
        return f"{self.http_url}/compatible-mode/v1"

    def script(self, script: Script) -> None:
        """Begin another script; lines left of the one before are forgotten, and uses count from 1 again."""
        self.house.prompter.load(script)

    def left(self) -> dict[str, list[Any]]:
        """The script's lines that were never used: `hears`, `replies`, `faults`."""
        return self.house.prompter.left()

    async def hung_up(self, timeout_s: float = 5) -> None:
        """Wait until the emulator has noticed that every client is gone.

        Raises:
            TimeoutError: some connection stays open.
        """
        async with asyncio.timeout(timeout_s):
            while any(service.open for service in self.house.stats.services.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def shaken(self, service: Service, handshakes: int, timeout_s: float = 5) -> None:
        """Wait until so many connections to a service have been asked for.

        Raises:
            TimeoutError: they have not.
        """
        async with asyncio.timeout(timeout_s):
            while self.house.stats.services[service].handshakes < handshakes:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def stats(self) -> dict[str, Any]:
        """`asr`, `tts`, `chat` (handshakes, refused, open, sessions, requests, …), and `stamps`."""
        return self.house.stats.as_json()


@asynccontextmanager
async def running_emulator(
    script: Script | None = None, engine: str = engines.SCRIPTED, *, may_leave_lines: bool = False, cache: Path = Path()
) -> AsyncIterator[EmulatorHandle]:
    """Run it for the length of the block.

    Raises:
        AssertionError: on exit, lines of the script were never used, unless `may_leave_lines`.
    """
    house = House(engine, script or Script())
    runner, port = await listen(house, "127.0.0.1", 0)
    handle = EmulatorHandle(house, port)
    try:
        house.engines = await engines.build(engine, house.prompter, cache, lambda _: None)
        yield handle
    finally:
        await runner.cleanup()
    left = {kind: lines for kind, lines in handle.left().items() if lines}
    assert may_leave_lines or not left, f"the script has lines that were never used: {left}"
