"""From settings to services: which adapter hears, thinks and speaks."""

import logging
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, cast

from backend.call.history import HistoryLimits
from backend.call.interruption import InterruptionLimits
from backend.call.listening import ListeningLimits
from backend.call.machine import CallLimits
from backend.call.turn_end import EndpointLimits
from backend.cost.meter import Costs
from backend.cost.prices import load_prices
from backend.errors import ConfigError
from backend.expenses import ON_DEVICE
from backend.ports import ActivityDetector, ChatModel, Recognizer, Synthesizer
from backend.protocol.events import CallConfig
from backend.providers.dashscope import build as dashscope
from backend.providers.fallback.breaker import Breaker
from backend.providers.fallback.build import second_settings
from backend.providers.fallback.ears import FallbackRecognizer
from backend.providers.fallback.mind import FallbackChat
from backend.providers.fallback.voice import FallbackSynthesizer
from backend.providers.openai_chat import ChatConfig, OpenAiChat
from backend.providers.volcengine.ark import ArkChat
from backend.providers.volcengine.asr import VolcengineRecognizer
from backend.providers.volcengine.config import ArkConfig, AsrConfig, AsrMode, SpeechCredentials, TtsConfig
from backend.providers.volcengine.tts import VolcengineSynthesizer
from backend.session import SessionLimits
from backend.settings import (
    DASHSCOPE,
    EMULATOR,
    OFF,
    SILERO,
    AsrSettings,
    CallSettings,
    CostSettings,
    LlmSettings,
    Settings,
    TtsSettings,
)
from backend.shell.ears import EarsLimits
from backend.turn import TurnLimits
from backend.vad import weights
from backend.vad.detector import SileroDetector

log = logging.getLogger(__name__)

_NO_SECRET: Final = "emulator"  # noqa: S105 - that is what the name says
"""What the emulator is shown where a vendor wants a key: it takes any."""
_END_WINDOW_MS: Final = 500
_END_WINDOW_ALONE_MS: Final = 800
"""Where the recogniser is the only one to hear that a caller goes on, it has to wait longer (docs/performance.md)."""
_SOON_S: Final = 2.0
"""Within this a connection that was kept ready has to answer, if it is alive."""
_SLOW_EARS_S: Final = 20.0
_SLOW_TEXT_MS: Final = 8000
_SLOW_VOICE_S: Final = 40.0
"""On-device synthesis runs near real time on a quiet machine, and several times slower on a busy one; so
does recognition."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Ears, mind and voice, made from settings; and what tells speech from silence, where there is something."""

    recognizer: Recognizer
    model: ChatModel
    synthesizer: Synthesizer
    detector: ActivityDetector | None
    breakers: tuple[Breaker, ...] = ()

    async def aclose(self) -> None:
        """Let go of every connection."""
        for provider in (self.recognizer, self.model, self.synthesizer, self.detector):
            if provider is not None:
                await provider.aclose()


def providers(settings: Settings) -> Providers:
    """The adapters that the settings ask for; nothing is connected yet.

    Raises:
        ConfigError: `VAD=silero`, and something is missing; the message says what and how to get it.
    """
    activity = detector(settings)
    if not settings.asr.end_window_ms:
        window_ms = _END_WINDOW_MS if activity is not None else _END_WINDOW_ALONE_MS
        settings = replace(settings, asr=replace(settings.asr, end_window_ms=window_ms))
    only = Providers(_recognizer(settings), _model(settings), _synthesizer(settings), activity)
    return _with_seconds(settings, only) if settings.fallback.families else only


def _with_seconds(settings: Settings, first: Providers) -> Providers:
    """With those who stand by behind those in use."""
    second, spare, breakers = second_settings(settings), settings.fallback, []
    recognizer, model, synthesizer = first.recognizer, first.model, first.synthesizer
    if spare.asr:
        ears = (recognizer, _recognizer(second))
        recognizer = FallbackRecognizer(ears, (settings.asr.provider, spare.asr), spare.rest_s)
        breakers.append(recognizer.breaker)
    if spare.llm:
        model = FallbackChat((model, _model(second)), (settings.llm.provider, spare.llm), spare.rest_s)
        breakers.append(model.breaker)
    if spare.tts:
        voices = (synthesizer, _synthesizer(second))
        synthesizer = FallbackSynthesizer(voices, (settings.tts.provider, spare.tts), spare.rest_s)
        breakers.append(synthesizer.breaker)
    return Providers(recognizer, model, synthesizer, first.detector, tuple(breakers))


def labels(settings: Settings, emulator: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What each stage runs on, for people. `emulator` is what its `/healthz` says."""
    local = emulator.get("labels", {})
    doubao = {"asr": f"Doubao {settings.asr.model}", "llm": settings.llm.model, "tts": "Doubao speech synthesis"}
    named = {DASHSCOPE: dashscope.models(settings)}
    chosen = {"asr": settings.asr.provider, "llm": settings.llm.provider, "tts": settings.tts.provider}
    stages = {stage: (provider, named.get(provider, doubao)[stage]) for stage, provider in chosen.items()}
    return {
        stage: {"provider": provider, "label": local.get(stage, "emulator") if provider == EMULATOR else label}
        for stage, (provider, label) in stages.items()
    }


def endpoints(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Where each stage's services are, as URLs; any of a stage's will do."""
    first, second = _places(settings), _places(second_settings(settings))
    return {stage: (url,) if url == second[stage] else (url, second[stage]) for stage, url in first.items()}


def _places(settings: Settings) -> dict[str, str]:
    local, dashscope = _emulator_url(settings, "http", ""), settings.dashscope
    return {
        "asr": {EMULATOR: local, DASHSCOPE: dashscope.ws_url}.get(settings.asr.provider, settings.asr.url),
        "llm": {EMULATOR: local, DASHSCOPE: dashscope.chat_url}.get(settings.llm.provider, settings.llm.url),
        "tts": {EMULATOR: local, DASHSCOPE: dashscope.ws_url}.get(settings.tts.provider, settings.tts.url),
    }


def defaults(settings: CallSettings) -> CallConfig:
    """What a client gets that asks for nothing."""
    return CallConfig(audio_format=settings.audio_format)


def session_limits(settings: Settings) -> SessionLimits:
    """The bounds of every call of a server."""
    return limits(settings.call, slow_ears=has_slow_ears(settings), remembers=remembers(settings))


def limits(settings: CallSettings, *, slow_ears: bool = False, remembers: bool = False) -> SessionLimits:
    """The bounds of one call.

    Args:
        slow_ears: the recogniser is a model on this machine, which may take seconds but always says when it is sure.
        remembers: the chat model can write a summary, and somebody asks it to.
    """
    return SessionLimits(
        max_inflated_bytes=settings.max_inflated_bytes,
        call=CallLimits(
            idle_s=settings.idle_s,
            ask_before_s=settings.ask_before_s,
            history=HistoryLimits(
                settings.max_history, settings.max_history_tokens, settings.summary_tokens if remembers else 0
            ),
            bad_frames=settings.bad_frames,
            guesses=settings.guesses,
            interruption=InterruptionLimits(
                settings.barge_in_chars, settings.stop_words or InterruptionLimits().stop_words
            ),
            listening=ListeningLimits(endpoint=_endpoint(settings, slow_ears=slow_ears)),
        ),
        ears=EarsLimits(ahead_ms=round(1000 * settings.max_ahead_s)),
        turn=TurnLimits(settings.first_chars, settings.later_chars, settings.lead_ms),
    )


def costs(settings: CostSettings) -> Costs:
    """Prices, and what a call may cost.

    Raises:
        ConfigError: the operator's price table is wrong.
    """
    budget = Decimal(str(settings.budget_cny))
    return Costs(load_prices(settings.prices), budget_cny=budget or None)


def remembers(settings: Settings) -> bool:
    """Whether the chat model can write a summary: the offline stand-in only knows its card's answers."""
    return not (settings.llm.provider == EMULATOR and settings.emulator.engine == "on-device")


def has_slow_ears(settings: Settings) -> bool:
    """Whether recognition is done by a model on this machine."""
    return EMULATOR in (settings.asr.provider, settings.fallback.asr) and settings.emulator.engine == "on-device"


def _endpoint(settings: CallSettings, *, slow_ears: bool) -> EndpointLimits:
    return EndpointLimits(
        complete_ms=settings.complete_ms,
        open_ms=settings.open_ms,
        first_open_ms=settings.first_open_ms,
        unfinished_ms=settings.unfinished_ms,
        stable_text_ms=max(settings.stable_text_ms, _SLOW_TEXT_MS) if slow_ears else settings.stable_text_ms,
    )


def detector(settings: Settings) -> ActivityDetector | None:
    """Voice activity detection, where it is wanted; with `VAD=auto`, where it can be had."""
    if settings.vad == OFF:
        return None
    try:
        return SileroDetector(weights.find(settings))
    except ConfigError as exc:
        if settings.vad == SILERO:
            raise
        log.info("vad.off", extra={"reason": str(exc)})
        return None


def _emulator_url(settings: Settings, scheme: str, path: str) -> str:
    address = settings.emulator.address
    return f"{scheme}://{address.host}:{address.port}{path}"


def _credentials(speech: AsrSettings | TtsSettings) -> SpeechCredentials:
    if speech.provider == EMULATOR:
        return SpeechCredentials(app_id=_NO_SECRET, access_token=_NO_SECRET)
    if speech.app_id and speech.access_token:
        return SpeechCredentials(app_id=speech.app_id, access_token=speech.access_token)
    return SpeechCredentials(api_key=speech.api_key)


def _recognizer(settings: Settings) -> Recognizer:
    asr = settings.asr
    if asr.provider == DASHSCOPE:
        return dashscope.recognizer(settings)
    local = asr.provider == EMULATOR
    config = AsrConfig(
        url=_emulator_url(settings, "ws", "/api/v3/sauc") if local else asr.url,
        mode=cast(AsrMode, asr.model),
        resource_id=asr.resource_id,
        compress=asr.compress,
        max_spares=asr.spares,
        end_window_ms=asr.end_window_ms,
        backlog_ms=round(1000 * settings.call.max_ahead_s),
        opening_timeout_s=asr.timeout_s,
        spare_timeout_s=min(_SOON_S, asr.timeout_s / 2),
        connect_timeout_s=asr.timeout_s,
        reply_timeout_s=asr.timeout_s,
        final_timeout_s=asr.timeout_s,
        stall_timeout_s=max(asr.timeout_s, _SLOW_EARS_S) if local else asr.timeout_s,
        billed_as=ON_DEVICE if local else "",
    )
    return VolcengineRecognizer(_credentials(asr), config)


def _model(settings: Settings) -> ChatModel:
    llm: LlmSettings = settings.llm
    if llm.provider == "openai":
        return OpenAiChat(
            ChatConfig(
                base_url=llm.url,
                api_key=llm.api_key,
                model=llm.model,
                temperature=llm.temperature,
                max_tokens=llm.max_tokens,
                extra_body=llm.extra_body,
                first_token_timeout_s=llm.timeout_s,
                token_timeout_s=llm.timeout_s,
            )
        )
    if llm.provider == DASHSCOPE:
        return dashscope.model(settings)
    local = llm.provider == EMULATOR
    return ArkChat(
        ArkConfig(
            base_url=_emulator_url(settings, "http", "/api/v3") if local else llm.url,
            api_key=_NO_SECRET if local else llm.api_key,
            access_key="" if local else llm.access_key,
            secret_key="" if local else llm.secret_key,
            keys_url=llm.keys_url,
            model=llm.model,
            temperature=llm.temperature,
            max_tokens=llm.max_tokens,
            extra_body={} if local else llm.extra_body,
            first_token_timeout_s=llm.timeout_s,
            billed_as=ON_DEVICE if local else "",
            token_timeout_s=llm.timeout_s,
        )
    )


def _synthesizer(settings: Settings) -> Synthesizer:
    tts = settings.tts
    if tts.provider == DASHSCOPE:
        return dashscope.synthesizer(settings)
    local = tts.provider == EMULATOR
    sound_s = max(tts.timeout_s, _SLOW_VOICE_S) if local and settings.emulator.engine == "on-device" else tts.timeout_s
    config = TtsConfig(
        url=_emulator_url(settings, "ws", "/api/v3/tts/bidirection") if local else tts.url,
        resource_id=tts.resource_id or None,
        model=tts.model,
        takes_tokens=tts.takes_tokens,
        opening_timeout_s=tts.timeout_s,
        connect_timeout_s=tts.timeout_s,
        session_timeout_s=tts.timeout_s,
        reuse_timeout_s=min(_SOON_S, tts.timeout_s / 2),
        first_audio_timeout_s=sound_s,
        gap_timeout_s=sound_s,
        billed_as=ON_DEVICE if local else "",
    )
    return VolcengineSynthesizer(_credentials(tts), config)
