"""The page's server with its voices, over real sockets."""

import io
import math
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.api.costs import routes as cost_routes
from backend.cast import Cast
from backend.persona.shelf import Shelf
from backend.process.readiness import Verdict
from backend.settings import load
from backend.store.memory import MemoryStore
from backend.telemetry.readings import Readings
from backend.voice_desk import VoiceDesk
from backend.web import Web
from tests.support.fakes import FakeSynthesizer

READINGS = Readings(calls=0, max_calls=4, accepting=True, loop_lag_ms=0, up_bytes=0, down_bytes=0)
STAGES = {stage: {"provider": "emulator", "label": stage} for stage in ("asr", "llm", "tts")}


@dataclass
class House:
    """What a test asks, and what it finds."""

    http: aiohttp.ClientSession
    desk: VoiceDesk
    synthesizer: FakeSynthesizer
    cast: Cast
    store: MemoryStore = field(default_factory=lambda: MemoryStore(20))

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """The status, and the JSON where there is any."""
        async with self.http.request(method, path, json=body, **more) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else await response.read()


@asynccontextmanager
async def opened(
    synthesizer: FakeSynthesizer | None = None, access: dict[str, Any] | None = None, **values: str
) -> AsyncIterator[House]:
    """A server whose settings are these; its library is filled, and nothing of it runs by itself."""
    settings = load({"TTS_PROVIDER": "emulator", "ASR_PROVIDER": "emulator", "LLM_PROVIDER": "emulator", **values})
    shelf, store = Shelf(), MemoryStore(20)
    cast = Cast(shelf, shelf.open("qiao_qingqing").id, settings.tts.provider, settings.tts.voice)
    desk = VoiceDesk(settings, store.voices)
    await desk.library.look()
    voice = synthesizer or FakeSynthesizer()
    runner = web.AppRunner(page_of(cast, store, desk, voice, access).app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield House(http, desk, voice, cast, store)
    finally:
        await desk.aclose()
        await runner.cleanup()


def page_of(
    cast: Cast, store: MemoryStore, desk: VoiceDesk, voice: FakeSynthesizer, access: dict[str, Any] | None = None
) -> Web:
    """The page with all that can be asked of it."""
    return Web(
        cast,
        call_port=4711,
        services=STAGES,
        readings=lambda: READINGS,
        readiness=lambda: Verdict("", {}),
        forget=store.forget,
        door=Door(AccessSettings(**(access or {}))),
        more=[*desk.routes(cast, voice), *cost_routes(store.costs)],
    )


def recording(seconds: float = 6, rate_hz: int = 16_000, peak: int = 8000, width: int = 2) -> bytes:
    """A WAV with a hum in it."""
    one = array("h", (round(peak * math.sin(2 * math.pi * 200 * at / rate_hz)) for at in range(rate_hz)))
    samples = (one * math.ceil(seconds))[: round(seconds * rate_hz)].tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(width)
        wav.setframerate(rate_hz)
        wav.writeframes(samples if width == 2 else samples[::2])
    return file.getvalue()
