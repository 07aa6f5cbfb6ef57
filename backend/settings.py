"""What an operator can set: read once from the environment and `.env`, frozen, handed down.

`python -m backend.settings` prints the extras that have to be installed for them ("on-device vad"), or nothing.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from backend.access.settings import (
    AccessSettings,
    SocketLimits,
    TlsSettings,
    read_access,
    read_socket,
    read_tls,
)
from backend.config.call_url import call_url
from backend.config.database_url import DatabaseKind, database_url
from backend.config.env import Env, environment
from backend.config.fallback import FallbackSettings, fallback_settings
from backend.config.recording import RecordingSettings, read_recording
from backend.errors import ConfigError

AsrProvider = Literal["volcengine", "dashscope", "emulator"]
LlmProvider = Literal["volcengine", "openai", "dashscope", "emulator"]
TtsProvider = Literal["volcengine", "dashscope", "emulator"]
AudioFormat = Literal["mp3", "pcm", "opus"]
VadMode = Literal["auto", "silero", "off"]

AUTO: Final = "auto"
EMULATOR: Final = "emulator"
DASHSCOPE: Final = "dashscope"
SILERO: Final = "silero"
OFF: Final = "off"
_SOCKETS: Final = ("ws", "wss")
_ASK_BEFORE_S: Final = 20.0
_ENGINES: Final = ("on-device", "scripted")
_DOUBAO_PATHS: Final = ("bigmodel_async", "bigmodel", "bigmodel_nostream")
_DEFAULT_CHAT_MODEL: Final = "doubao-seed-1-6-flash-250828"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class AsrSettings:
    """Recognition. An `end_window_ms` of 0 is left to `compose`, which knows whether there is voice activity detection.

    `app_id` with `access_token`, or `api_key`, are Volcengine's; the emulator takes any.
    """

    provider: AsrProvider
    url: str
    app_id: str
    access_token: str = field(repr=False)
    api_key: str = field(repr=False)
    model: str
    resource_id: str
    compress: bool
    spares: int
    end_window_ms: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """Chat. `url` is Ark's, or any OpenAI-compatible one's; `extra_body` holds more fields of each request.

    `keys_url` is where an account's pair is exchanged; empty is the SDK's choice.
    """

    provider: LlmProvider
    url: str
    api_key: str = field(repr=False)
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    model: str
    temperature: float | None
    max_tokens: int | None
    timeout_s: float
    extra_body: Mapping[str, object] = field(default_factory=dict)
    keys_url: str = ""


@dataclass(frozen=True, slots=True)
class TtsSettings:
    """Synthesis. `voice` and `resource_id` are empty where the persona's card and the voice decide."""

    provider: TtsProvider
    url: str
    app_id: str
    access_token: str = field(repr=False)
    api_key: str = field(repr=False)
    model: str
    voice: str
    resource_id: str
    takes_tokens: bool
    timeout_s: float


@dataclass(frozen=True, slots=True)
class DashscopeSettings:
    """DashScope's one key for all stages, and what only its services know."""

    api_key: str = field(repr=False)
    ws_url: str
    chat_url: str
    api_url: str
    languages: tuple[str, ...]
    vocabulary_id: str
    semantic: bool
    pitch: float
    instruction: str


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Of every call."""

    idle_s: float
    ask_before_s: float
    max_history: int
    max_history_tokens: int
    summary_tokens: int
    complete_ms: int
    open_ms: int
    first_open_ms: int
    unfinished_ms: int
    stable_text_ms: int
    guesses: int
    barge_in_chars: int
    stop_words: tuple[str, ...]
    lead_ms: int
    audio_format: AudioFormat
    first_chars: int
    later_chars: int
    max_calls: int
    max_loop_lag_ms: float
    max_loop_load: float
    max_message_bytes: int
    max_inflated_bytes: int
    max_ahead_s: float
    blocked_write_s: float
    bad_frames: int
    drain_s: float
    resume_s: float
    resume_bytes: int


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What things cost. `prices` is a file of the operator's own, or empty; a budget of 0 is none."""

    prices: str
    budget_cny: float


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Who is told how calls go. `otlp_url` is empty where nobody takes traces."""

    metrics: bool
    otlp_url: str
    otlp_headers: str = field(repr=False)
    service_name: str


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where conversations are kept, and for how long. `url` has its driver in it, and maybe a password."""

    kind: DatabaseKind
    url: str = field(repr=False)
    days: float


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """The vendors on this machine."""

    address: Address
    engine: Literal["on-device", "scripted"]
    script: str
    model_cache: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them."""

    call_address: Address
    web_address: Address
    call_url: str
    public_url: str
    asr: AsrSettings
    llm: LlmSettings
    tts: TtsSettings
    dashscope: DashscopeSettings
    call: CallSettings
    costs: CostSettings
    telemetry: TelemetrySettings
    store: StoreSettings
    recording: RecordingSettings
    emulator: EmulatorSettings
    fallback: FallbackSettings
    persona: str
    vad: VadMode
    access: AccessSettings
    socket: SocketLimits
    tls: TlsSettings
    log_level: str
    log_format: Literal["text", "json"]

    @property
    def needs_emulator(self) -> bool:
        """Whether any stage runs on this machine."""
        families = {self.asr.provider, self.llm.provider, self.tts.provider} | self.fallback.families
        return EMULATOR in families

    @property
    def extras(self) -> tuple[str, ...]:
        """The sets of optional dependencies that this configuration needs."""
        wanted = {"on-device": self.needs_emulator, "vad": self.vad != OFF, "telemetry": bool(self.telemetry.otlp_url)}
        wanted |= {kind: self.store.kind == kind for kind in ("mysql", "postgresql")}
        return tuple(extra for extra, needed in wanted.items() if needed)


def load(values: Mapping[str, str] | None = None) -> Settings:
    """Read every setting.

    Args:
        values: the environment; the process's own and `.env` unless given.

    Raises:
        ConfigError: one is missing or wrong; the message names it.
    """
    return read(Env(environment() if values is None else values))


def read(env: Env) -> Settings:
    """Read every setting through `env`, which then knows all their names."""
    emulator = EmulatorSettings(
        Address(env.text("EMULATOR_HOST", "127.0.0.1"), env.port("EMULATOR_PORT", 8899)),
        cast(Literal["on-device", "scripted"], env.choice("EMULATOR_ENGINE", "on-device", _ENGINES)),
        env.text("EMULATOR_SCRIPT"),
        env.text("MODEL_CACHE"),
    )
    asr, llm, tts = _asr(env), _llm(env), _tts(env)
    in_use = {"ASR": asr.provider, "LLM": llm.provider, "TTS": tts.provider}
    return Settings(
        call_address=Address(env.text("CALL_HOST", "127.0.0.1"), env.port("CALL_PORT", 8888)),
        web_address=Address(env.text("WEB_HOST", "127.0.0.1"), env.port("WEB_PORT", 8080)),
        call_url=call_url(env),
        public_url=_public_url(env),
        asr=asr,
        llm=llm,
        tts=tts,
        dashscope=_dashscope(env),
        call=_call(env),
        costs=CostSettings(env.text("PRICES"), env.number("CALL_BUDGET_CNY", 0, most=1_000_000)),
        telemetry=TelemetrySettings(
            metrics=env.flag("METRICS", default=True),
            otlp_url=env.url("OTEL_EXPORTER_OTLP_ENDPOINT"),
            otlp_headers=env.text("OTEL_EXPORTER_OTLP_HEADERS"),
            service_name=env.text("OTEL_SERVICE_NAME", "live-voice-call"),
        ),
        store=_store(env),
        recording=read_recording(env),
        emulator=emulator,
        fallback=fallback_settings(env, in_use),
        persona=env.text("PERSONA", "qiao_qingqing"),
        vad=cast(VadMode, env.choice("VAD", AUTO, (AUTO, SILERO, OFF))),
        access=read_access(env),
        socket=read_socket(env),
        tls=read_tls(env),
        log_level=env.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        log_format=cast(Literal["text", "json"], env.choice("LOG_FORMAT", "text", ("text", "json"))),
    )


def _store(env: Env) -> StoreSettings:
    kind, url = database_url(env.text("DATABASE_URL"))
    return StoreSettings(kind, url, env.number("CONVERSATION_DAYS", 0, most=36_500))


def _asr(env: Env) -> AsrSettings:
    _refuse_other_rates(env)
    provider = _speech_provider(env, "ASR")
    return AsrSettings(
        provider=cast(AsrProvider, provider),
        url=env.url("VOLC_ASR_URL", "wss://openspeech.bytedance.com/api/v3/sauc", schemes=_SOCKETS),
        app_id=env.text("ASR_APP_ID"),
        access_token=env.text("ASR_ACCESS_TOKEN"),
        api_key=env.text("VOLC_API_KEY"),
        model=_asr_model(env, provider),
        resource_id=env.text("VOLC_ASR_RESOURCE_ID", "volc.bigasr.sauc.duration"),
        compress=env.flag("VOLC_ASR_COMPRESS", default=False),
        spares=env.whole("VOLC_ASR_SPARES", 16, most=1000),
        end_window_ms=env.whole("ASR_END_WINDOW_MS", 0, least=200, most=5000) if env.has("ASR_END_WINDOW_MS") else 0,
        timeout_s=env.number("ASR_TIMEOUT_S", 5, least=0.05, most=120),
    )


def _llm(env: Env) -> LlmSettings:
    provider = env.choice("LLM_PROVIDER", AUTO, (AUTO, "volcengine", "openai", DASHSCOPE, EMULATOR))
    has_ark = env.has("ARK_API_KEY") or (env.has("VOLC_ACCESSKEY") and env.has("VOLC_SECRETKEY"))
    if provider == AUTO:
        provider = "volcengine" if has_ark else "openai" if env.has("LLM_BASE_URL") else _dashscope_or_emulator(env)
    _check_dashscope(env, "LLM", provider)
    if provider == "volcengine" and not has_ark:
        raise ConfigError("LLM_PROVIDER=volcengine needs ARK_API_KEY, or VOLC_ACCESSKEY together with VOLC_SECRETKEY")
    if provider == "openai" and not (env.has("LLM_BASE_URL") and env.has("LLM_MODEL")):
        raise ConfigError("a chat model of your own needs LLM_BASE_URL (http://…/v1) and LLM_MODEL, its name there")
    ark = (env.url("ARK_BASE_URL", "https://ark.cn-beijing.volces.com/api/v3"), env.text("ARK_API_KEY"))
    own = (env.url("LLM_BASE_URL"), env.text("LLM_API_KEY"))
    url, api_key = own if provider == "openai" else ark
    return LlmSettings(
        provider=cast(LlmProvider, provider),
        url=url,
        api_key=api_key,
        access_key=env.text("VOLC_ACCESSKEY"),
        secret_key=env.text("VOLC_SECRETKEY"),
        model=_chat_model(env, provider),
        temperature=None if env.leaves_out("LLM_TEMPERATURE") else env.number("LLM_TEMPERATURE", 0.8, most=2),
        max_tokens=None if env.leaves_out("LLM_MAX_TOKENS") else env.whole("LLM_MAX_TOKENS", 2000, least=1),
        extra_body=env.fields("LLM_EXTRA_BODY", ("model", "messages", "stream", "stream_options")),
        keys_url=env.url("ARK_KEYS_URL"),
        timeout_s=env.number("LLM_TIMEOUT_S", 10, least=0.05, most=120),
    )


def _tts(env: Env) -> TtsSettings:
    return TtsSettings(
        provider=cast(TtsProvider, _speech_provider(env, "TTS")),
        url=env.url("VOLC_TTS_URL", "wss://openspeech.bytedance.com/api/v3/tts/bidirection", schemes=_SOCKETS),
        app_id=env.text("TTS_APP_ID"),
        access_token=env.text("TTS_ACCESS_TOKEN"),
        api_key=env.text("VOLC_API_KEY"),
        model=env.text("VOICE_CALL_TTS_MODEL"),
        voice=env.text("VOICE_CALL_TTS_VOICE"),
        resource_id=env.text("VOLC_TTS_RESOURCE_ID"),
        takes_tokens=env.flag("VOLC_TTS_TAKES_TOKENS", default=False),
        timeout_s=env.number("TTS_TIMEOUT_S", 8, least=0.05, most=120),
    )


def _call(env: Env) -> CallSettings:
    mebibyte = 1024 * 1024
    idle_s = env.number("VOICE_CALL_IDLE_TIMEOUT", 60, least=0.05)
    return CallSettings(
        idle_s=idle_s,
        ask_before_s=_ask_before_s(env, idle_s),
        max_history=env.whole("VOICE_CALL_MAX_HISTORY", 20, most=1000),
        max_history_tokens=env.whole("VOICE_CALL_MAX_HISTORY_TOKENS", 2000, most=1_000_000),
        summary_tokens=env.whole("VOICE_CALL_SUMMARY_TOKENS", 400, most=10_000),
        complete_ms=env.whole("VOICE_CALL_HOLD_COMPLETE_MS", 300, most=10_000),
        open_ms=env.whole("VOICE_CALL_HOLD_OPEN_MS", 600, most=10_000),
        first_open_ms=env.whole("VOICE_CALL_HOLD_FIRST_MS", 800, most=10_000),
        unfinished_ms=env.whole("VOICE_CALL_HOLD_UNFINISHED_MS", 1200, most=10_000),
        stable_text_ms=env.whole("VOICE_CALL_STABLE_TEXT_MS", 2000, least=200),
        guesses=env.whole("VOICE_CALL_GUESSES", 2, most=10),
        barge_in_chars=env.whole("VOICE_CALL_BARGE_IN_CHARS", 2, least=1),
        stop_words=_words(env.text("VOICE_CALL_STOP_WORDS")),
        lead_ms=env.whole("VOICE_CALL_LEAD_MS", 300, least=20, most=10_000),
        audio_format=cast(AudioFormat, env.choice("VOICE_CALL_TTS_FORMAT", "mp3", ("mp3", "pcm", "opus"))),
        first_chars=env.whole("VOICE_CALL_TTS_FIRST_CHARS", 8, least=1),
        later_chars=env.whole("VOICE_CALL_TTS_LATER_CHARS", 18, least=1),
        max_calls=env.whole("MAX_CALLS", 100, least=1),
        max_loop_lag_ms=env.number("MAX_LOOP_LAG_MS", 30, most=10_000),
        max_loop_load=env.number("MAX_LOOP_LOAD", 75, most=100) / 100,
        max_message_bytes=env.whole("MAX_MESSAGE_BYTES", mebibyte, least=1024),
        max_inflated_bytes=env.whole("MAX_INFLATED_BYTES", mebibyte, least=1024),
        max_ahead_s=env.number("MAX_AUDIO_AHEAD_S", 30, least=1),
        blocked_write_s=env.number("BLOCKED_WRITE_S", 5, least=0.05),
        bad_frames=env.whole("MAX_BAD_FRAMES", 10, least=1),
        resume_s=env.number("RESUME_SECONDS", 30, most=3600),
        resume_bytes=env.whole("RESUME_BUFFER_BYTES", mebibyte, least=65_536),
        drain_s=env.number("DRAIN_SECONDS", 20, most=3600),
    )


def _ask_before_s(env: Env, idle_s: float) -> float:
    """A third of the whole silence at most, unless it is told."""
    before_s = env.number("VOICE_CALL_IDLE_PROMPT", min(_ASK_BEFORE_S, idle_s / 3))
    if before_s >= idle_s:
        raise ConfigError(
            f"VOICE_CALL_IDLE_PROMPT is less than VOICE_CALL_IDLE_TIMEOUT ({idle_s:g}), or 0 for no question"
        )
    return before_s


def _dashscope(env: Env) -> DashscopeSettings:
    return DashscopeSettings(
        api_key=env.text("DASHSCOPE_API_KEY"),
        ws_url=env.url("DASHSCOPE_WS_URL", "wss://dashscope.aliyuncs.com/api-ws/v1/inference", schemes=_SOCKETS),
        chat_url=env.url("DASHSCOPE_BASE_URL", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
        api_url=env.url("DASHSCOPE_API_URL", "https://dashscope.aliyuncs.com/api/v1").rstrip("/"),
        languages=_words(env.text("DASHSCOPE_ASR_LANGUAGES", "zh,en")),
        vocabulary_id=env.text("DASHSCOPE_ASR_VOCABULARY_ID"),
        semantic=env.flag("DASHSCOPE_ASR_SEMANTIC", default=False),
        pitch=env.number("DASHSCOPE_TTS_PITCH", 1, least=0.5, most=2),
        instruction=env.text("DASHSCOPE_TTS_INSTRUCTION"),
    )


def _asr_model(env: Env, provider: str) -> str:
    if provider != DASHSCOPE:
        return env.choice("VOICE_CALL_ASR_MODEL", _DOUBAO_PATHS[0], _DOUBAO_PATHS)
    model = env.text("VOICE_CALL_ASR_MODEL", "paraformer-realtime-v2")
    if model in _DOUBAO_PATHS:
        raise ConfigError(f"VOICE_CALL_ASR_MODEL={model} is Doubao's; DashScope has paraformer-realtime-v2")
    return model


def _chat_model(env: Env, provider: str) -> str:
    endpoint = env.text("LLM_ENDPOINT_ID")
    if provider == DASHSCOPE:
        return env.text("LLM_MODEL", "qwen-flash")
    return endpoint or env.text("LLM_MODEL", _DEFAULT_CHAT_MODEL)


def _dashscope_or_emulator(env: Env) -> str:
    return DASHSCOPE if env.has("DASHSCOPE_API_KEY") else EMULATOR


def _check_dashscope(env: Env, stage: Literal["ASR", "LLM", "TTS"], provider: str) -> None:
    if provider == DASHSCOPE and not env.has("DASHSCOPE_API_KEY"):
        raise ConfigError(f"{stage}_PROVIDER=dashscope needs DASHSCOPE_API_KEY")


def _speech_provider(env: Env, stage: Literal["ASR", "TTS"]) -> str:
    """Which service hears or speaks: what is asked for, else the first whose keys are set, else this machine."""
    provider = env.choice(f"{stage}_PROVIDER", AUTO, (AUTO, "volcengine", DASHSCOPE, EMULATOR))
    names = (f"{stage}_APP_ID", f"{stage}_ACCESS_TOKEN")
    missing = [name for name in names if not env.has(name)]
    has_keys = env.has("VOLC_API_KEY") or not missing
    if provider == AUTO and not has_keys and len(missing) == 1:
        raise ConfigError(f"{names[0]} and {names[1]} belong together; {missing[0]} is not set")
    if provider == "volcengine" and not has_keys:
        raise ConfigError(f"{stage}_PROVIDER=volcengine needs VOLC_API_KEY, or {names[0]} together with {names[1]}")
    _check_dashscope(env, stage, provider)
    return ("volcengine" if has_keys else _dashscope_or_emulator(env)) if provider == AUTO else provider


def _public_url(env: Env) -> str:
    url = env.text("PUBLIC_URL").rstrip("/")
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ConfigError(f"PUBLIC_URL is the page's address as others reach it, https://HOST, not {url!r}")
    return url


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _refuse_other_rates(env: Env) -> None:
    if env.whole("VOICE_CALL_ASR_SAMPLE_RATE", 16_000) != 16_000:
        raise ConfigError("VOICE_CALL_ASR_SAMPLE_RATE is 16000: the wire and the recognisers know no other rate")


def model_cache(settings: EmulatorSettings) -> Path | None:
    """The folder for on-device models, if one is set."""
    return Path(settings.model_cache).expanduser() if settings.model_cache else None


def _main() -> int:
    try:
        print(*load().extras)
    except ConfigError as exc:
        print(f"live voice call: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
