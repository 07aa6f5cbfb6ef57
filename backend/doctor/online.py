"""A real call of every service that is configured: the shortest that proves its key, its model and its voice."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from backend import compose
from backend.cast import Cast
from backend.doctor.findings import Finding, doubtful, fine, skipped, wrong
from backend.doctor.patient import Patient
from backend.doctor.remedies import remedy
from backend.errors import CardError, ProviderError, ProviderUnavailable
from backend.persona.shelf import Shelf
from backend.ports import ChatModel, Message, Recognizer, Sound, Synthesizer
from backend.protocol.events import CallConfig
from backend.providers.fallback.build import second_settings
from backend.settings import EMULATOR, OFF, Settings

_PATIENCE_S: Final = 30.0
_SKEW_S: Final = 60.0
_REFUSED_SKEW_S: Final = 300.0
"""Signatures and tokens are refused from about here on."""

Probe = Callable[[], Awaitable[None]]


async def services(patient: Patient) -> AsyncIterator[Finding]:
    """Ears, mind and voice, and those who stand by for them; all at once, told in order."""
    plans = [("", _alone(patient.settings))]
    if patient.settings.fallback.families:
        plans.append((" (fallback)", _alone(second_settings(patient.settings))))
    for name, settings in plans:
        for finding in await _services(patient.settings, settings, name):
            yield finding


async def clock(patient: Patient) -> AsyncIterator[Finding]:
    """Against the `Date` of whatever a service answers."""
    urls = {url for urls in compose.endpoints(_alone(patient.settings)).values() for url in urls}
    for url in sorted(urls, key=lambda each: "127.0.0.1" in each or "localhost" in each):
        if (skew_s := await _skew_s(url)) is not None:
            yield _of_skew(skew_s)
            return
    yield skipped("clock", "no service has told the time")


def _alone(settings: Settings) -> Settings:
    """Without detection, without anybody standing by, and with one token of chat."""
    nobody = replace(settings.fallback, asr="", llm="", tts="")
    return replace(
        settings, vad=OFF, fallback=nobody, llm=replace(settings.llm, max_tokens=settings.llm.max_tokens and 1)
    )


async def _services(real: Settings, settings: Settings, name: str) -> list[Finding]:
    providers = compose.providers(settings)
    probes: dict[str, tuple[str, Probe]] = {
        "asr": (settings.asr.provider, lambda: _hear(providers.recognizer)),
        "llm": (settings.llm.provider, lambda: _think(providers.model)),
        "tts": (settings.tts.provider, lambda: _speak(providers.synthesizer, settings)),
    }
    spare = {"asr": real.fallback.asr, "llm": real.fallback.llm, "tts": real.fallback.tts}
    asked = [stage for stage in probes if not name or spare[stage]]
    try:
        return list(await asyncio.gather(*(_tried(f"{stage}{name}", *probes[stage]) for stage in asked)))
    finally:
        await providers.aclose()


async def _tried(check: str, provider: str, probe: Probe) -> Finding:
    if provider == EMULATOR:
        return skipped(check, "runs on this machine, with the server")
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await probe()
    except ProviderError as error:
        return wrong(check, f"{provider}: {error}", remedy(error))
    except CardError as error:
        return wrong(check, str(error), "choose another persona, or set VOICE_CALL_TTS_VOICE")
    except TimeoutError:
        return wrong(
            check, f"{provider}: nothing within {_PATIENCE_S:g} s", "look at the network and the service's URL"
        )
    return fine(check, f"{provider} answered after {1000 * (time.monotonic() - began_s):.0f} ms")


async def _hear(recognizer: Recognizer) -> None:
    async with recognizer.open():
        return


async def _think(model: ChatModel) -> None:
    async for _ in model.reply([Message("user", "1")]):
        return


async def _speak(synthesizer: Synthesizer, settings: Settings) -> None:
    shelf = Shelf()
    card = shelf.open(settings.persona)
    cast = Cast(shelf, card.id, settings.tts.provider, settings.tts.voice)
    async with synthesizer.open(cast.voice(CallConfig(audio_format="pcm"))) as speech:
        await speech.say("好")
        await speech.finish()
        async for item in speech:
            if isinstance(item, Sound):
                return
    raise ProviderUnavailable("tts", "it said that it had spoken, but no sound came")


async def _skew_s(url: str) -> float | None:
    """How far our clock is ahead of the service's; None where it does not tell."""
    address = url.replace("wss:", "https:", 1).replace("ws:", "http:", 1)
    timeout = aiohttp.ClientTimeout(10)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http, http.get(address) as response:
            told = parsedate_to_datetime(response.headers["Date"])
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        return None
    return time.time() - told.timestamp()


def _of_skew(skew_s: float) -> Finding:
    late = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} a service's"
    mend = "have it kept right (timedatectl set-ntp true)"
    if abs(skew_s) > _REFUSED_SKEW_S:
        return wrong("clock", f"it is {late}: signed requests and tokens are refused", mend)
    if abs(skew_s) > _SKEW_S:
        return doubtful("clock", f"it is {late}", mend)
    return fine("clock", "it agrees with a service's")
