"""What every service of one emulator shares: the script, the engines, the counts, and whether it is closing."""

import asyncio
import uuid
from datetime import UTC, datetime

from aiohttp import web

from emulator.dashscope.voice_book import HotWords, VoiceBook
from emulator.engines.base import Engines
from emulator.invoice import Invoice
from emulator.prompter import Prompter
from emulator.script import Script
from emulator.stats import Stats

_STALL_POLL_S = 0.05


class House:
    """One emulator. `engines` is None until they are loaded."""

    def __init__(self, engine: str, script: Script) -> None:
        self.engine = engine
        self.prompter = Prompter(script)
        self.stats = Stats()
        self.invoice = Invoice()
        self.voices = VoiceBook()
        self.vocabularies: dict[str, HotWords] = {}
        self.engines: Engines | None = None
        self.sockets: set[web.WebSocketResponse] = set()
        self.closing = False

    @property
    def script(self) -> Script:
        """The script that is running."""
        return self.prompter.script

    @property
    def loaded(self) -> Engines:
        """The engines; the server lets no service be asked before they are there."""
        if self.engines is None:
            raise RuntimeError("a service was asked before the engines were loaded")
        return self.engines

    async def until_gone(self, request: web.Request) -> None:
        """Wait until the client hangs up, or the emulator closes: aiohttp tells a handler of neither."""
        while not self.closing and request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_STALL_POLL_S)

    async def close(self) -> None:
        """Hang up on everyone and end the engines."""
        self.closing = True
        ends = [socket.close(code=1001, message=b"the emulator ends") for socket in self.sockets]
        await asyncio.gather(*ends, return_exceptions=True)
        if self.engines is not None:
            await self.engines.aclose()


def new_log_id() -> str:
    """An id of the vendor's shape: a time stamp and 20 hexadecimal digits."""
    return datetime.now(UTC).strftime("%Y%m%d%H%M%S") + uuid.uuid4().hex[:20].upper()
