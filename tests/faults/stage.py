"""A call over real sockets whose services are one family's as the emulator has them, or two families'."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from backend import compose
from backend.call.listening import ListeningLimits
from backend.call.machine import CallLimits
from backend.call.turn_end import EndpointLimits
from backend.ports import SpeechOptions
from backend.protocol.events import CallConfig
from backend.session import SessionLimits
from backend.settings import Settings, load
from emulator.script import Script
from tests.support.caller import Caller, dialled
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.support.switchboard import Switchboard, answering

VOICES = {"volcengine": "zh_female_shuangkuaisisi_moon_bigtts", "dashscope": "longhua_v2"}
KEYS = {"DASHSCOPE_API_KEY": "sk-secret", "VOLC_API_KEY": "v-secret", "ARK_API_KEY": "a-secret"}
TROUBLE = "哎呀，你再说一遍好不好？"
PROMPT = CallLimits(listening=ListeningLimits(retry_s=0.02, endpoint=EndpointLimits(0, 0, 0, 0)))
AMPLE_S = 10
RATE_HZ = 16_000


@dataclass(frozen=True)
class Stage:
    """What a test has in its hands.

    Attributes:
        first, second: the emulator of the family in use, and of the one that stands by (the same, where nobody does).
    """

    caller: Caller
    first: EmulatorHandle
    second: EmulatorHandle
    providers: compose.Providers
    board: Switchboard


def script(**parts: Any) -> Script:
    return Script.model_validate({"tone": {"ms_per_char": 20}, **parts})


@asynccontextmanager
async def staged(
    family: str, first: Script, second: Script | None = None, query: Mapping[str, str] | None = None, **values: str
) -> AsyncIterator[Stage]:
    """A call that has begun. With a second script the other family stands by in every stage.

    Raises:
        TimeoutError: when all is over, a connection to the emulator is left.
    """
    async with AsyncExitStack() as emulators:
        one = await emulators.enter_async_context(running_emulator(first, may_leave_lines=True))
        two = one
        if second is not None:
            two = await emulators.enter_async_context(running_emulator(second, may_leave_lines=True))
        settings = _settings(family, one, two, spare=second is not None, values=values)
        providers = compose.providers(settings)
        await providers.model.warm()
        board = Switchboard(
            recognizer=providers.recognizer,
            model=providers.model,
            synthesizer=providers.synthesizer,
            limits=_limits(settings),
            voice=lambda config: _voice(settings.tts.provider, config),
            trouble=TROUBLE,
        )
        wishes = {"audio_format": "pcm", "sample_rate": str(RATE_HZ), **(query or {})}
        try:
            async with answering(board), dialled(board.url, headers=None, **wishes) as caller:
                yield Stage(caller, one, two, providers, board)
        finally:
            await providers.aclose()
        await one.hung_up()
        await two.hung_up()


def _settings(
    family: str, one: EmulatorHandle, two: EmulatorHandle, *, spare: bool, values: Mapping[str, str]
) -> Settings:
    doubao, dashscope = (one, two) if family == "volcengine" else (two, one)
    other = "dashscope" if family == "volcengine" else "volcengine"
    chosen = {f"{stage}_PROVIDER": family for stage in ("ASR", "LLM", "TTS")}
    behind = {f"{stage}_FALLBACK": other for stage in ("ASR", "LLM", "TTS")} if spare else {}
    deadlines = {f"{stage}_TIMEOUT_S": str(AMPLE_S) for stage in ("ASR", "LLM", "TTS")}
    places = {
        "VOLC_ASR_URL": doubao.asr_url().removesuffix("/bigmodel_async"),
        "VOLC_TTS_URL": doubao.tts_url(),
        "ARK_BASE_URL": doubao.ark_url,
        "DASHSCOPE_WS_URL": dashscope.dashscope_ws_url,
        "DASHSCOPE_BASE_URL": dashscope.qwen_url,
    }
    return load({**KEYS, **chosen, **behind, **deadlines, **places, "VAD": "off", "VOLC_ASR_SPARES": "4", **values})


def _limits(settings: Settings) -> SessionLimits:
    return replace(compose.limits(settings.call), call=PROMPT)


def _voice(family: str, config: CallConfig) -> SpeechOptions:
    other = "dashscope" if family == "volcengine" else "volcengine"
    return SpeechOptions(
        config.speaker or VOICES[family], config.audio_format, config.sample_rate, second_voice=VOICES[other]
    )


async def until(true: Any, timeout_s: float = 5) -> None:
    """Wait for something that a background task does."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
