"""Every error of this project, in one tree, with the stable code that a client sees.

VoiceCallError                  Internal
├─ ConfigError                  (stops the start; never reaches a client)
│  ├─ AlreadyToldError
│  └─ CardError
├─ ProtocolError                BadFrame
│  └─ EventError                BadEvent
├─ SessionIdError               BadSession
├─ StoreError                   (conversations go on in memory; never reaches a client)
│  └─ StoreRefusedError         of what it was given
└─ ProviderError                {ASR,LLM,TTS}Failed
   ├─ ProviderUnavailable       could not be reached, or the connection broke: worth another try
   ├─ ProviderRefused           it answered no: key, quota, parameters; the same request fails again
   │  └─ ContentRefused         it minds what was said, and will not answer that
   └─ ProviderTimeout           {ASR,LLM,TTS}Timeout
"""

from typing import Final, Literal

Stage = Literal["asr", "llm", "tts"]

INTERNAL: Final = "Internal"
UNAUTHORIZED: Final = "Unauthorized"
BUSY: Final = "Busy"
RETRY_AFTER_S: Final = 5
"""When a client that was told `Busy` may try again."""
BAD_SESSION: Final = "BadSession"
IDLE_TIMEOUT: Final = "IdleTimeout"
SHUTTING_DOWN: Final = "ShuttingDown"


class VoiceCallError(Exception):
    """The root. `code` is what the client reads in `BotError`."""

    @property
    def code(self) -> str:
        """Stable name, one of the table in the README's "Errors"."""
        return INTERNAL


class ConfigError(VoiceCallError):
    """A setting is missing or wrong. The message names it and says how to mend it; it holds no secret."""


class AlreadyToldError(ConfigError):
    """Another process of ours could not start, and has told the operator why."""


class CardError(ConfigError):
    """A persona card is broken. The message is `FILE: KEY: REASON`."""


class ProtocolError(VoiceCallError):
    """Bytes that are no frame which this end may receive."""

    @property
    def code(self) -> str:
        """`BadFrame`."""
        return "BadFrame"


class EventError(ProtocolError):
    """A whole frame whose JSON is no known event, or whose payload has the wrong shape."""

    @property
    def code(self) -> str:
        """`BadEvent`."""
        return "BadEvent"


class SessionIdError(VoiceCallError):
    """A `sid` that is not 1 to 64 of `A-Z a-z 0-9 - _`, or that names somebody else's conversation."""

    @property
    def code(self) -> str:
        """`BadSession`."""
        return BAD_SESSION


class StoreError(VoiceCallError):
    """The database is down, or will not take something. The message holds no secret and nothing that was said."""


class StoreRefusedError(StoreError):
    """It minds what it was given: the same fails again, and something else does not. In any other case it may be down,
    locked, full or for reading only, and nothing is wrong with what was given."""


class ProviderError(VoiceCallError):
    """A speech or chat service failed.

    Args:
        stage: which of the three failed.
        reason: one sentence for the client and the log, without secrets.
        vendor_code: the service's own code, as text ("45000081", "RateLimitExceeded").
        log_id: the service's id of the exchange, for its support desk.
    """

    retryable = True

    def __init__(self, stage: Stage, reason: str, *, vendor_code: str = "", log_id: str = "") -> None:
        super().__init__(reason)
        self.stage: Stage = stage
        self.reason = reason
        self.vendor_code = vendor_code
        self.log_id = log_id

    @property
    def code(self) -> str:
        """`ASRFailed`, `LLMFailed` or `TTSFailed`."""
        return f"{self.stage.upper()}Failed"

    def __str__(self) -> str:
        notes = [f"code {self.vendor_code}"] if self.vendor_code else []
        notes += [f"log id {self.log_id}"] if self.log_id else []
        return f"{self.reason} ({', '.join(notes)})" if notes else self.reason


class ProviderUnavailable(ProviderError):  # noqa: N818 - names in this tree say what happened
    """The service could not be reached, or broke off. Another try may succeed."""


class ProviderRefused(ProviderError):  # noqa: N818
    """The service answered, and the answer is no. The same request would fail again."""

    retryable = False


class ContentRefused(ProviderRefused):
    """The service will not answer these words. It is well; and nobody else is asked what it would not say."""


class ProviderTimeout(ProviderError):  # noqa: N818
    """The service did not answer within its configured time."""

    @property
    def code(self) -> str:
        """`ASRTimeout`, `LLMTimeout` or `TTSTimeout`."""
        return f"{self.stage.upper()}Timeout"


def first_provider_error(group: BaseExceptionGroup[ProviderError]) -> ProviderError:
    """The first of ours in the group that `except*` caught."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, ProviderError):
        raise TypeError("the group holds no ProviderError") from group
    return error
