"""What the DashScope adapters can be told, with the vendor's rule behind each default.

Secrets have no repr. Every wait has a field here; a test sets them small.
"""

from dataclasses import dataclass, field
from typing import Final

from backend.errors import ConfigError
from backend.providers.dashscope.instruction import MOST_UNITS, units

WS_URL: Final = "wss://dashscope.aliyuncs.com/api-ws/v1/inference"
CHAT_URL: Final = "https://dashscope.aliyuncs.com/compatible-mode/v1"


@dataclass(frozen=True, slots=True)
class SocketConfig:
    """The sockets on which speech tasks run, of one stage.

    Attributes:
        url: of the region that the key belongs to; Paraformer is served in Beijing only.
        api_key: DashScope's one key for everything.
        max_connections: of all calls together; one more task waits up to `acquire_timeout_s`.
        acquire_timeout_s: for a free connection when all are busy.
        idle_close_s: how long a free connection is kept after its last task: longer than a caller may be silent.
        idle_renew_s: meanwhile it is replaced whenever it has lain idle for this long. The service closes a
            connection 60 s after its last task.
        opening_timeout_s: for all that it takes to begin a task, a second try too.
        connect_timeout_s: TCP, TLS and upgrade.
        start_timeout_s: from run-task to task-started.
        reuse_timeout_s: the same on a connection that has lain idle: when it is dead, that shall show soon.
        settle_timeout_s: for task-finished of a task that nobody listens to any more; waited for in the background,
            then the socket is dropped.
        send_timeout_s: how long a write may be blocked.
        retry_backoff_s: before the one retry of a failed opening.
        ping_interval_s: keeps idle connections known to be alive, and open in the network's tables.
        ping_timeout_s: for the pong.
    """

    api_key: str = field(repr=False)
    url: str = WS_URL
    max_connections: int = 100
    acquire_timeout_s: float = 2.0
    idle_close_s: float = 90.0
    idle_renew_s: float = 45.0
    opening_timeout_s: float = 10.0
    connect_timeout_s: float = 5.0
    start_timeout_s: float = 5.0
    reuse_timeout_s: float = 2.0
    settle_timeout_s: float = 2.0
    send_timeout_s: float = 5.0
    retry_backoff_s: float = 0.2
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.api_key:
            raise ConfigError("DashScope needs an API key")


@dataclass(frozen=True, slots=True)
class ParaformerConfig:
    """Streaming recognition.

    Attributes:
        model: `paraformer-realtime-v2`, or another of the same protocol (`fun-asr-realtime`).
        packet_ms: audio per packet; about 100 ms is advised.
        end_window_ms: silence that makes a sentence definite, 200 to 6000. Sent always: the vendor names two defaults.
        semantic: cut sentences by their meaning instead; better texts, but each waits longer.
        language_hints: what may be spoken; empty lets the service find out.
        vocabulary_id: a list of hot words made beforehand; empty for none.
        punctuation: the chat model reads it.
        numbers: spoken numbers become digits.
        smooth: drop "uh" and repetitions.
        keepalive_s: after this long without audio 100 ms of silence is sent. The service ends a task after 23 s
            without a message; with `heartbeat`, which is always asked for, silence may last.
        backlog_ms: audio that may wait for a slow connection; beyond it the oldest is dropped.
        final_timeout_s: from finish-task to the last result.
        stall_timeout_s: how long a service may be silent after we heard a sentence end; it is then asked for its
            final result.
    """

    socket: SocketConfig
    model: str = "paraformer-realtime-v2"
    packet_ms: int = 100
    end_window_ms: int = 800
    semantic: bool = False
    language_hints: tuple[str, ...] = ("zh", "en")
    vocabulary_id: str = ""
    punctuation: bool = True
    numbers: bool = True
    smooth: bool = False
    keepalive_s: float = 5.0
    backlog_ms: int = 5_000
    final_timeout_s: float = 5.0
    stall_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("recognition needs a model")
        if self.packet_ms <= 0 or self.backlog_ms < self.packet_ms:
            raise ConfigError("a recognition packet has at least 1 ms, and the backlog at least one packet")
        if not 200 <= self.end_window_ms <= 6000:
            raise ConfigError("the silence that ends a sentence is 200 to 6000 ms")


@dataclass(frozen=True, slots=True)
class CosyVoiceConfig:
    """Streaming synthesis.

    Attributes:
        model: of the same version as the voice, or the service refuses with "418".
        takes_tokens: whether the caller should hand over the model's tokens one by one.
        pitch: 1.0 is the voice's own; 0.5 to 2.0.
        instruction: how to speak, at most 100 units (a Han character is two). Voices that take another one, or none,
            are not told; without it an emotion of the persona's is put into the vendor's own sentence.
        renew_s: a task that has waited so long for its text is replaced. The service ends it after 23 s without a
            message, and the chat model may think longer.
        first_audio_timeout_s: from the last text to the first sound; the service waits for a whole sentence.
        gap_timeout_s: between messages once all text has been sent.
    """

    socket: SocketConfig
    model: str = "cosyvoice-v2"
    takes_tokens: bool = True
    pitch: float = 1.0
    instruction: str = ""
    renew_s: float = 15.0
    first_audio_timeout_s: float = 8.0
    gap_timeout_s: float = 8.0

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("synthesis needs a model")
        if (length := units(self.instruction)) > MOST_UNITS:
            rule = f"the service takes {MOST_UNITS}, of which a Han character is two"
            raise ConfigError(f"DASHSCOPE_TTS_INSTRUCTION is {length} units long; {rule}")
