"""From starting the process to the first moment at which it takes calls."""

import asyncio
import time
from collections.abc import Callable, Mapping

from bench import figures, processes
from bench.plan import Plan
from bench.processes import Cores
from bench.report import cell, table
from bench.section import Section, judged

_KEYS = {"ASR_APP_ID": "bench", "ASR_ACCESS_TOKEN": "bench", "TTS_APP_ID": "bench", "TTS_ACCESS_TOKEN": "bench"}
_GIVE_UP_S = 30.0


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """With its emulator, and with vendors that are there already."""
    alone: list[float] = []
    embedded: list[float] = []
    failures: list[str] = []
    try:
        async with processes.emulator(on) as (_, url):
            for _ in range(what.starts):
                alone.append(await _start(on, _vendors(url)))
                (port,) = processes.free_ports(1)
                embedded.append(await _start(on, {"EMULATOR_ENGINE": "scripted", "EMULATOR_PORT": port}))
    except Exception as exc:
        failures.append(f"{type(exc).__name__}: {exc}")
    tell(f"  start {figures.of(alone).middle:.3f} s, with the emulator {figures.of(embedded).middle:.3f} s")
    rows = [
        ["server alone (vendors configured)", cell(figures.of(alone), 3), str(len(alone))],
        ["server with its scripted emulator", cell(figures.of(embedded), 3), str(len(embedded))],
    ]
    text = (
        "`VAD=off`, compiled modules in place; from the start of the process until a TCP connection to the call port "
        "is taken, looked at every 5 ms. Median, and in brackets the lowest and the highest.\n\n"
        + table(["", "s", "starts"], rows)
    )
    aim = judged("start of the server to listening, without models", 0.7, figures.of(alone).middle, " s", 3)
    return Section("Start", text, (aim,), tuple(failures))


def _vendors(url: str) -> Mapping[str, object]:
    """Volcengine's services, found at the emulator's address: then the server starts none of its own."""
    ws = url.replace("http", "ws", 1)
    return {
        **_KEYS,
        "VOLC_ASR_URL": f"{ws}/api/v3/sauc",
        "VOLC_TTS_URL": f"{ws}/api/v3/tts/bidirection",
        "ARK_BASE_URL": f"{url}/api/v3",
        "ARK_API_KEY": "bench",
    }


async def _start(on: Cores, settings: Mapping[str, object]) -> float:
    call_port, web_port = processes.free_ports(2)
    ports = {"VAD": "off", "CALL_PORT": call_port, "WEB_PORT": web_port}
    began = time.monotonic()
    opening = asyncio.create_task(_until_open(call_port))
    try:
        async with processes.running(processes.SERVER, "Open http", on.tested, {**settings, **ports}):
            return await opening - began
    finally:
        opening.cancel()


async def _until_open(port: int) -> float:
    async with asyncio.timeout(_GIVE_UP_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                now = time.monotonic()
                writer.close()
                return now
