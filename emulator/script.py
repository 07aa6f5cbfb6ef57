"""What the scripted emulator will do, in order: hear, reply, sound, wait and misbehave.

A script is data: built in a test, read from a YAML file, or put over the admin path as JSON.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from backend.errors import ConfigError

Service = Literal["asr", "tts", "chat", "inference", "customization"]
"""The last two are DashScope's: the WebSocket that carries both of its speech services, and its voice cloning."""

_SCRIPTS_ARE: Final = "docs/emulator.md tells what a script is"
DEFAULT_HEARS: Final = "你好，听得到我说话吗？"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Utterance(_Part):
    """One thing that will be heard.

    Attributes:
        partials: what is believed on the way there, spread evenly over `after_ms`, or one every 200 ms of speech.
        after_ms: audio, of whatever sound, after which it is definite, counted from the session's beginning; None
            waits for speech in the audio and then the client's `end_window_size` of silence. Of the first kind a
            session hears one, unless the script says `many_per_session`.
    """

    text: str
    partials: tuple[str, ...] = ()
    after_ms: int | None = Field(default=300, ge=1)


class Reply(_Part):
    """One answer of the chat model.

    Attributes:
        tokens: how the text is cut into chunks; two characters each unless given.
        thinks: sent as `reasoning_content` before the answer.
    """

    text: str
    tokens: tuple[str, ...] = ()
    thinks: str = ""

    @model_validator(mode="after")
    def _tokens_make_the_text(self) -> Self:
        if self.tokens and "".join(self.tokens) != self.text:
            raise ValueError("tokens do not join to text")
        return self


class Tone(_Part):
    """How the synthesiser sounds: a tone as long as the sentence has characters."""

    ms_per_char: int = Field(default=120, ge=1)
    hz: int = Field(default=440, ge=20, le=4000)
    peak: int = Field(default=8000, ge=0, le=32000)
    piece_ms: int = Field(default=200, ge=20)


class Timing(_Part):
    """Wall time that each stage takes, in ms; up to `jitter_ms` more, drawn from `seed`.

    Attributes:
        asr_ms: from the moment an utterance is definite on the audio clock to the moment it is told.
        first_token_ms: until the answer's first token; `token_ms` between one and the next.
        tts_first_byte_ms: until a sentence's first sound; `tts_piece_ms` between one piece and the next.
    """

    asr_ms: int = Field(default=0, ge=0)
    first_token_ms: int = Field(default=0, ge=0)
    token_ms: int = Field(default=0, ge=0)
    tts_first_byte_ms: int = Field(default=0, ge=0)
    tts_piece_ms: int = Field(default=0, ge=0)
    jitter_ms: int = Field(default=0, ge=0)
    seed: int = 0


class Limits(_Part):
    """The services' own deadlines and bounds.

    Attributes:
        asr_packet_gap_ms: without a packet, after which a recognition ends with 45000081.
        tts_idle_ms: without a frame and without a session, after which a synthesis connection fails; None never.
        tts_text_chars: of one synthesis session; more is refused with 40402003.
        task_gap_ms: without a message, after which a DashScope task fails.
        task_silence_ms: of audio without speech, after which a DashScope recognition without `heartbeat` fails.
        task_idle_ms: without a task, after which DashScope closes a connection.
        voice_deploy_ms: until a cloned voice can speak.
        voices_rejected: no voice can be made of any recording.
    """

    asr_packet_gap_ms: int = Field(default=8000, ge=1)
    tts_idle_ms: int | None = Field(default=None, ge=1)
    tts_text_chars: int = Field(default=20_000, ge=1)
    task_gap_ms: int = Field(default=23_000, ge=1)
    task_silence_ms: int = Field(default=60_000, ge=1)
    task_idle_ms: int = Field(default=60_000, ge=1)
    voice_deploy_ms: int = Field(default=0, ge=0)
    voices_rejected: bool = False


class Kind(StrEnum):
    """Ways to fail. The first four belong to a connection, from its handshake on, the others to a session."""

    REFUSE = "refuse"
    CONNECT_STALL = "connect_stall"
    CONNECT_FAIL = "connect_fail"
    IDLE_CLOSE = "idle_close"
    ERROR = "error"
    FAIL = "fail"
    STALL = "stall"
    SLOW = "slow"
    CUT = "cut"
    RESET = "reset"
    HALF_CLOSE = "half_close"
    OVERSIZE = "oversize"
    GARBAGE = "garbage"
    WRONG_SESSION = "wrong_session"
    WRONG_ORDER = "wrong_order"


AT_CONNECT: Final = frozenset({Kind.REFUSE, Kind.CONNECT_STALL, Kind.CONNECT_FAIL, Kind.IDLE_CLOSE})
_TTS_ONLY: Final = frozenset({Kind.CONNECT_FAIL, Kind.FAIL})
_OF_CONNECTIONS: Final = {
    "inference": {Kind.REFUSE, Kind.CONNECT_STALL, Kind.IDLE_CLOSE},
    "customization": {Kind.REFUSE, Kind.CONNECT_STALL},
}


class Fault(_Part):
    """One misbehaviour.

    Attributes:
        kind: `refuse` answers the handshake or request with HTTP `status`; `connect_stall` never answers it;
            `connect_fail` is ConnectionFailed (tts); `idle_close` closes the connection, in order, when it has lain
            idle for `ms`; `error` is an error frame (chat: an error in the stream); `fail` is SessionFailed (tts);
            `stall` says no more; `slow` says nothing for `ms` and then goes on; `cut` drops the connection, `reset`
            with a TCP reset; `half_close` ends the way down and goes on reading; `oversize` begins a message of 64 MiB
            (chat: an event without an end); `garbage` sends bytes that are no frame, once; `wrong_session` names
            another session from then on (asr of Doubao has no names); `wrong_order` sends first what should come
            later. Of DashScope's speech every `error` and `fail` is task-failed.
        nth: the use that it strikes, from 1, counted since the script was set: of handshakes for the kinds that
            happen there, of sessions (chat: requests) for the others. None strikes every one.
        at: `start` is in place of the session's first answer, `mid` of its first result with text (asr), or after its
            first sound (tts) or token (chat); `sound` is before its first sound, the text being there (tts).
        code: the vendor's; a number for Doubao's speech, a name for all others.
    """

    service: Service
    kind: Kind
    nth: int | None = Field(default=1, ge=1)
    at: Literal["start", "sound", "mid"] = "start"
    status: int = Field(default=503, ge=400, le=599)
    code: int | str | None = None
    message: str = "as the script says"
    ms: int = Field(default=1000, ge=1)

    @model_validator(mode="after")
    def _fits_its_service(self) -> Self:
        if self.kind in _TTS_ONLY and self.service != "tts":
            raise ValueError(f"{self.kind} is for tts, not for {self.service}")
        if self.at == "sound" and self.service != "tts":
            raise ValueError(f"sound is for tts, not for {self.service}")
        kinds = _OF_CONNECTIONS.get(self.service)
        if kinds is not None and self.kind not in kinds:
            raise ValueError(f"{self.service} can {', '.join(sorted(kinds))}, and no more")
        return self


class Script(_Part):
    """Everything that will happen.

    Attributes:
        hears: consumed in order. A plain string is an utterance.
        hears_always: what is heard when `hears` is used up; unless given, nothing after a list, and without a list
            a greeting whenever the audio holds speech.
        replies: consumed in order. A plain string is a reply.
        replies_always: the reply when `replies` is used up; unless given, the user's own words come back.
        cached_tokens: of each prompt that the chat service says it knew already.
        keys: the credentials that are accepted; any, when empty.
        speech_peak: how loud a sample has to be to count as speech.
    """

    hears: tuple[Utterance, ...] = ()
    hears_always: Utterance | None = None
    many_per_session: bool = False
    replies: tuple[Reply, ...] = ()
    replies_always: Reply | None = None
    tone: Tone = Tone()
    timing: Timing = Timing()
    limits: Limits = Limits()
    faults: tuple[Fault, ...] = ()
    cached_tokens: int = Field(default=0, ge=0)
    keys: frozenset[str] = frozenset()
    speech_peak: int = Field(default=500, ge=1, le=32767)

    @field_validator("hears", "replies", mode="before")
    @classmethod
    def _plain_strings_are_lines(cls, lines: Any) -> Any:
        return [_line(line) for line in lines] if isinstance(lines, list | tuple) else lines

    @field_validator("hears_always", "replies_always", mode="before")
    @classmethod
    def _a_plain_string_is_a_line(cls, line: Any) -> Any:
        return _line(line)

    @property
    def fallback(self) -> Utterance | None:
        """What is heard when no line is left."""
        if self.hears_always is not None or self.hears:
            return self.hears_always
        return Utterance(text=DEFAULT_HEARS, after_ms=None)


def load(path: Path) -> Script:
    """Read a script from a YAML file.

    Raises:
        ConfigError: no such file, no YAML, or no script; the message names file, key and reason.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise ConfigError(f"{path}: {_in_short(exc)}; {_SCRIPTS_ARE}") from exc
    try:
        return Script.model_validate({} if data is None else data)
    except ValidationError as exc:
        raise ConfigError(f"{path}: {explain(exc)}; {_SCRIPTS_ARE}") from exc


def _in_short(error: Exception) -> str:
    """Of YAML's many lines the one that says what is wrong."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return (isinstance(error, OSError) and error.strerror) or str(error).partition("\n")[0]


def explain(error: ValidationError) -> str:
    """The first fault as `KEY: REASON`."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _line(line: Any) -> Any:
    return {"text": line} if isinstance(line, str) else line
