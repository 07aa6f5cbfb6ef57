"""What the Volcengine adapters can be told, with the vendor's rule behind each default.

Secrets have no repr. Every wait has a field here; a test sets them small.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from backend.errors import ConfigError
from backend.providers.reserve import ReserveLimits

AsrMode = Literal["bigmodel_async", "bigmodel", "bigmodel_nostream"]

_MODES: Final[tuple[AsrMode, ...]] = get_args(AsrMode)
_V2_VOICE_MARKS: Final = ("_uranus_", "_saturn_")
_MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class SpeechCredentials:
    """Who we are to the speech services: the new console's one key, or the older console's pair.

    The two styles are never mixed in one handshake: the service looks a new key up among the old grants and finds none.

    Attributes:
        app_id: the APP ID of the older console (digits).
        access_token: the Access Token that goes with it.
        api_key: the new console's key; when set, it alone is sent.
    """

    app_id: str = ""
    access_token: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.api_key and not (self.app_id and self.access_token):
            raise ConfigError("Volcengine speech needs an API key, or an app id together with its access token")

    def scrub(self, text: str) -> str:
        """The text with every secret of ours masked, for what a service says back to us."""
        for secret in (self.api_key, self.access_token):
            text = text.replace(secret, _MASK) if secret else text
        return text


@dataclass(frozen=True, slots=True)
class AsrConfig:
    """Streaming recognition.

    Attributes:
        url: the folder of the three endpoints; one that already ends in a mode's name decides the mode.
        mode: `bigmodel_async` answers when the result changed, and the vendor recommends it; `bigmodel` answers every
            packet; `bigmodel_nostream` answers at the end only, for which the adapter finds the end itself.
        resource_id: the product that is billed; `volc.seedasr.sauc.duration` is model 2.0.
        model_name: the only name the service knows.
        packet_ms: audio per packet. The vendor takes 100 to 200 and calls 200 best for its throughput; 100 is the
            length of a caller's frame, so that no sound waits for the next frame, and the end of speech is known
            50 ms sooner on average.
        end_window_ms: silence that makes a sentence definite. The vendor's default, at the low end of the 800 to 1000
            that it advises; less cuts slow speakers off.
        force_to_speech_ms: no end of sentence before this much audio; None leaves it to the service.
        two_pass: recognise each sentence again when it is over (`bigmodel_async` only); better text, later.
        compress: gzip both ways. Off: speech shrinks by a tenth only, and each packet would cost CPU here.
        punctuation: `enable_punc`; the chat model reads it.
        numbers: `enable_itn`, spoken numbers become digits.
        smooth: `enable_ddc` drops "uh" and repetitions.
        language: `bigmodel_nostream` only, for example `en-US`; empty is Mandarin, its dialects and English.
        hot_words: words to expect, for example the persona's name.
        user_id: shows in the vendor's logs.
        keepalive_s: after this long without audio 100 ms of silence is sent. The service ends a session after 8 s
            without a packet, on some routes after 5 s, and WebSocket pings do not count.
        backlog_ms: audio that may wait for a slow connection; beyond it the oldest is dropped.
        opening_timeout_s: for all that it takes to begin a session, a second try too.
        connect_timeout_s: TCP, TLS and upgrade together.
        reply_timeout_s: for the answer to the first request, and on `bigmodel` to each packet.
        final_timeout_s: from the last packet to the last result.
        stall_timeout_s: how long a service may be silent after we heard a sentence end; it is then asked for its
            final result.
        send_timeout_s: how long a write may be blocked.
        retry_backoff_s: before the one retry of a failed opening.
        ping_interval_s: finds a dead network under a session that has nothing to say; never used on
            `bigmodel_nostream`, which was seen not to answer pings under load.
        ping_timeout_s: for the pong.
        max_spares: connections that all calls together keep open ahead of sessions that were announced by `warm`; 0
            for none. One moment longer there may be two of one, while it is being replaced.
        spare_idle_s: a spare is replaced before it has lain unused for so long. The 5 s after which some routes end a
            session without a packet may count from the handshake.
        spare_kept_s: a session that was announced and does not come is expected no longer.
        spare_timeout_s: for the handshake of a spare that is still under way, and again for its first answer; then a
            fresh connection is dialled.
        billed_as: the name in the price table, if it is not the resource id.
    """

    url: str = "wss://openspeech.bytedance.com/api/v3/sauc"
    mode: AsrMode = "bigmodel_async"
    resource_id: str = "volc.bigasr.sauc.duration"
    model_name: str = "bigmodel"
    packet_ms: int = 100
    end_window_ms: int = 800
    force_to_speech_ms: int | None = None
    two_pass: bool = False
    compress: bool = False
    punctuation: bool = True
    numbers: bool = True
    smooth: bool = False
    language: str = ""
    hot_words: tuple[str, ...] = ()
    user_id: str = "live-voice-call"
    keepalive_s: float = 3.0
    backlog_ms: int = 5_000
    opening_timeout_s: float = 10.0
    connect_timeout_s: float = 5.0
    reply_timeout_s: float = 5.0
    final_timeout_s: float = 5.0
    stall_timeout_s: float = 5.0
    send_timeout_s: float = 5.0
    retry_backoff_s: float = 0.2
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 20.0
    max_spares: int = 16
    spare_idle_s: float = 4.0
    spare_kept_s: float = 20.0
    spare_timeout_s: float = 2.0
    billed_as: str = ""

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ConfigError(f"the recognition mode is one of {', '.join(_MODES)}, not {self.mode!r}")
        if self.packet_ms <= 0 or self.backlog_ms < self.packet_ms:
            raise ConfigError("a recognition packet has at least 1 ms, and the backlog at least one packet")

    @property
    def spoken_mode(self) -> AsrMode:
        """The mode that is really used: the one named by the URL, else the configured one."""
        last = urlsplit(self.url).path.rstrip("/").rpartition("/")[2]
        return next((mode for mode in _MODES if mode == last), self.mode)

    @property
    def address(self) -> str:
        """Where to connect."""
        base = self.url.rstrip("/")
        return base if base.endswith(f"/{self.spoken_mode}") else f"{base}/{self.spoken_mode}"


@dataclass(frozen=True, slots=True)
class TtsConfig:
    """Bidirectional synthesis.

    Attributes:
        resource_id: the product; None derives it from the voice, as a voice works with its own family's only.
        model: `seed-tts-1.1` makes 1.0 voices better and faster; empty is the service's choice.
        bit_rate_bps: of MP3 and Opus. Set, because the service's own default is poor; 64 000 is the least it takes and
            plenty for one voice.
        additions: a JSON object as text, handed on as `req_params.additions`; empty for none.
        takes_tokens: whether the caller should hand over the model's tokens one by one.
        max_connections: of all calls together; one more session waits up to `acquire_timeout_s`.
        acquire_timeout_s: for a free connection when all are busy.
        idle_close_s: how long a free connection is kept after its last session: longer than a caller may be silent
            (60 s), so that a call pays one handshake.
        idle_renew_s: meanwhile it is replaced whenever it has lain idle for this long. The service hangs up on idle
            connections after a time that it tells nobody.
        opening_timeout_s: for all that it takes to begin a session, a second try too.
        connect_timeout_s: TCP, TLS, upgrade and ConnectionStarted together.
        session_timeout_s: from StartSession to SessionStarted.
        reuse_timeout_s: the same on a connection that has lain idle: when it is dead, that shall show soon.
        first_audio_timeout_s: from a session's first text to its first sound.
        gap_timeout_s: between frames once all text has been sent.
        cancel_timeout_s: from CancelSession to its answer; waited for in the background, then the socket is dropped.
        send_timeout_s: how long a write may be blocked.
        retry_backoff_s: before the one retry of a failed opening.
        ping_interval_s: keeps idle connections known to be alive, and open in the network's tables.
        ping_timeout_s: for the pong.
        billed_as: the name in the price table, if it is not the resource id.
    """

    url: str = "wss://openspeech.bytedance.com/api/v3/tts/bidirection"
    resource_id: str | None = None
    model: str = ""
    bit_rate_bps: int | None = 64_000
    additions: str = ""
    user_id: str = "live-voice-call"
    takes_tokens: bool = False
    max_connections: int = 100
    acquire_timeout_s: float = 2.0
    idle_close_s: float = 90.0
    idle_renew_s: float = 25.0
    opening_timeout_s: float = 10.0
    connect_timeout_s: float = 5.0
    session_timeout_s: float = 5.0
    reuse_timeout_s: float = 2.0
    first_audio_timeout_s: float = 8.0
    gap_timeout_s: float = 8.0
    cancel_timeout_s: float = 1.0
    send_timeout_s: float = 5.0
    retry_backoff_s: float = 0.2
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0
    billed_as: str = ""

    def resource_for(self, voice: str) -> str:
        """The resource id to connect with for a voice: the configured one, else its family's.

        Source: Volcengine voice list (docs 6561/1257544).
        """
        if self.resource_id:
            return self.resource_id
        if voice.startswith("S_"):
            return "seed-icl-2.0"
        is_v2 = voice.startswith("saturn_") or any(mark in voice for mark in _V2_VOICE_MARKS)
        return "seed-tts-2.0" if is_v2 else "seed-tts-1.0"


@dataclass(frozen=True, slots=True)
class ArkConfig:
    """Chat models of Ark.

    Attributes:
        api_key: the usual credential.
        access_key, secret_key: the account's pair, exchanged for a temporary key; used when there is no API key.
        model: an endpoint id (`ep-…`) or a dated model id.
        project: of the model, needed with the key pair and a model id only.
        region: of the key pair's exchange.
        keys_url: where the pair is exchanged; empty is the SDK's choice for the region.
        base_url: the SDK reads no environment variable for it.
        temperature, max_tokens: None leaves them to the service.
        extra_body: more fields of the request.
        thinking_off: a caller does not wait for reasoning. A model without the switch refuses it; the adapter then asks
            again without, and remembers.
        first_token_timeout_s: from the request to the first text.
        token_timeout_s: between two pieces of the stream.
        connect_timeout_s: TCP and TLS.
        retry_backoff_s: before the one retry, which happens only when nothing was received.
        keepalive_s: how long an idle HTTPS connection is kept for the next turn.
        spares: the connections that are opened before a request needs them.
        billed_as: the name in the price table, if it is not the model's own.
    """

    model: str
    api_key: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    project: str = "default"
    region: str = "cn-beijing"
    keys_url: str = ""
    base_url: str = "https://ark.cn-beijing.volces.com/api/v3"
    temperature: float | None = 0.8
    max_tokens: int | None = 2_000
    extra_body: Mapping[str, object] = field(default_factory=dict)
    thinking_off: bool = True
    first_token_timeout_s: float = 10.0
    token_timeout_s: float = 5.0
    connect_timeout_s: float = 5.0
    retry_backoff_s: float = 0.2
    keepalive_s: float = 90.0
    spares: ReserveLimits = field(default_factory=ReserveLimits)
    billed_as: str = ""

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("Ark needs a model: an endpoint id or a model id")
        if not self.api_key and not (self.access_key and self.secret_key):
            raise ConfigError("Ark needs an API key, or an access key together with its secret key")
