"""The server under attack: a process of its own, on its defaults, that wants a token."""

import asyncio
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Final

import psutil
from websockets.asyncio.client import connect

from backend.protocol.events import CALL_PATH
from backend.token import sign
from bench.processes import SERVER, Cores, free_ports, pin, running

_ADDRESSES: Final = 200
_CRASHES: Final = re.compile(
    rb"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(?!aiohttp\.http_exceptions\.)(?=\S)|turn\.crashed|never retrieved"
)
"""aiohttp logs a request that it refuses as it would a fault of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where it is, and what opens it."""

    process: psutil.Process
    call_port: int
    web_port: int
    secret: str
    log: IO[bytes]

    @property
    def url(self) -> str:
        """Of calls."""
        return f"ws://127.0.0.1:{self.call_port}{CALL_PATH}"

    @property
    def page(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.web_port}"

    def token(self, user: str = "", seconds: float = 3600, sid: str = "") -> str:
        """A good one."""
        return sign(self.secret, seconds=seconds, user=user, sid=sid)

    def headers(self, user: str = "") -> dict[str, str]:
        """With a good token."""
        return {"Authorization": f"Bearer {self.token(user)}"}

    def crashes(self) -> int:
        """How many faults of its own the server has told so far."""
        self.log.seek(0)
        return len(_CRASHES.findall(self.log.read()))

    def rss_mib(self) -> float:
        """What the server holds."""
        return float(self.process.memory_info().rss) / 2**20


def source(number: int) -> tuple[str, int]:
    """An address of this machine's to come from: bounds count by address, and attackers have many."""
    return (f"127.1.0.{1 + number % _ADDRESSES}", 0)


@asynccontextmanager
async def target(on: Cores, extra: Mapping[str, object] | None = None) -> AsyncIterator[Target]:
    """Run it for the length of the block."""
    call_port, web_port, emulator_port = free_ports(3)
    secret = secrets.token_urlsafe(48)
    settings = {
        "CALL_PORT": call_port,
        "WEB_PORT": web_port,
        "EMULATOR_PORT": emulator_port,
        "EMULATOR_ENGINE": "scripted",
        **{f"{stage}_PROVIDER": "emulator" for stage in ("ASR", "LLM", "TTS")},
        "DATABASE_URL": "memory:",
        "TOKEN_SECRET": secret,
        "LOG_LEVEL": "error",
        **(extra or {}),
    }
    with tempfile.TemporaryFile() as log:
        async with running(SERVER, "Open http", on.tested, settings, log=log) as process:
            for child in process.children():
                pin(child.pid, on.others)
            here = Target(process, call_port, web_port, secret, log)
            await _first_turn(here)
            yield here


async def _first_turn(here: Target) -> None:
    """It takes seconds, while libraries are read: no caller's delay should be of that."""
    body = b'{"event":"UserText","payload":{"text":"hello"}}'
    async with connect(here.url, additional_headers=here.headers("first")) as socket, asyncio.timeout(60):
        await socket.send(b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body)
        while b"TTSDone" not in await socket.recv(decode=False):
            pass
