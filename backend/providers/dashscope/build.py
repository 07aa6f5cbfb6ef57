"""From settings to DashScope's adapters."""

from typing import Final

from backend.providers.dashscope.asr import ParaformerRecognizer
from backend.providers.dashscope.config import CosyVoiceConfig, ParaformerConfig, SocketConfig
from backend.providers.dashscope.customization import EnrolmentConfig
from backend.providers.dashscope.enrolment import VoiceEnrolment
from backend.providers.dashscope.hot_words import HotWordLists
from backend.providers.dashscope.qwen import QwenChat
from backend.providers.dashscope.tts import CosyVoiceSynthesizer
from backend.providers.openai_chat import ChatConfig
from backend.settings import DASHSCOPE, Settings

_REUSE_S: Final = 2.0
_VOICE_MODEL: Final = "cosyvoice-v2"
_EARS_MODEL: Final = "paraformer-realtime-v2"


def models(settings: Settings) -> dict[str, str]:
    """Which model serves each stage, for people."""
    return {"asr": settings.asr.model, "llm": settings.llm.model, "tts": settings.tts.model or _VOICE_MODEL}


def recognizer(settings: Settings) -> ParaformerRecognizer:
    """The ears."""
    asr, dashscope = settings.asr, settings.dashscope
    return ParaformerRecognizer(
        ParaformerConfig(
            _socket(settings, asr.timeout_s),
            model=asr.model,
            end_window_ms=asr.end_window_ms,
            semantic=dashscope.semantic,
            language_hints=dashscope.languages,
            vocabulary_id=dashscope.vocabulary_id,
            backlog_ms=round(1000 * settings.call.max_ahead_s),
            final_timeout_s=asr.timeout_s,
            stall_timeout_s=asr.timeout_s,
        )
    )


def model(settings: Settings) -> QwenChat:
    """The mind."""
    llm = settings.llm
    return QwenChat(
        ChatConfig(
            base_url=settings.dashscope.chat_url,
            api_key=settings.dashscope.api_key,
            model=llm.model,
            temperature=llm.temperature,
            max_tokens=llm.max_tokens,
            extra_body=llm.extra_body,
            first_token_timeout_s=llm.timeout_s,
            token_timeout_s=llm.timeout_s,
        )
    )


def synthesizer(settings: Settings) -> CosyVoiceSynthesizer:
    """The voice."""
    tts, dashscope = settings.tts, settings.dashscope
    return CosyVoiceSynthesizer(
        CosyVoiceConfig(
            _socket(settings, tts.timeout_s),
            model=voice_model(settings),
            pitch=dashscope.pitch,
            instruction=dashscope.instruction,
            first_audio_timeout_s=tts.timeout_s,
            gap_timeout_s=tts.timeout_s,
        )
    )


def voice_model(settings: Settings) -> str:
    """The model that speaks, or would if DashScope spoke: clones are made for it."""
    return (settings.tts.model if settings.tts.provider == DASHSCOPE else "") or _VOICE_MODEL


def enrolment(settings: Settings) -> VoiceEnrolment | None:
    """Voice cloning; None without an account."""
    dashscope = settings.dashscope
    return VoiceEnrolment(EnrolmentConfig(dashscope.api_key, dashscope.api_url)) if dashscope.api_key else None


def hot_words(settings: Settings) -> HotWordLists | None:
    """Lists of hot words; None without an account."""
    dashscope = settings.dashscope
    return HotWordLists(EnrolmentConfig(dashscope.api_key, dashscope.api_url)) if dashscope.api_key else None


def ears_model(settings: Settings) -> str:
    """The model that hears, or would if DashScope heard: lists of hot words are made for it."""
    return settings.asr.model if settings.asr.provider == DASHSCOPE else _EARS_MODEL


def _socket(settings: Settings, timeout_s: float) -> SocketConfig:
    dashscope = settings.dashscope
    return SocketConfig(
        dashscope.api_key,
        dashscope.ws_url,
        opening_timeout_s=timeout_s,
        connect_timeout_s=timeout_s,
        start_timeout_s=timeout_s,
        reuse_timeout_s=min(_REUSE_S, timeout_s / 2),
    )
