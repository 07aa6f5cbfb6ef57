"""What a call needs from the outside, in the call's own language: ears, a mind, a voice, a memory.

Adapters in `providers/` and `store/` implement these; no vendor's field name passes this line. Every method may raise
`backend.errors.ProviderError` with the stage it belongs to, and nothing else of a vendor's.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from backend.expenses import Charge
from backend.expenses import ChatUsage as ChatUsage  # noqa: PLC0414 - it is one of the values that ports speak

SAMPLE_RATE_HZ: Final = 16_000
SAMPLE_BYTES: Final = 2
BYTES_PER_MS: Final = SAMPLE_RATE_HZ * SAMPLE_BYTES // 1000

Role = Literal["system", "user", "assistant"]
AudioFormat = Literal["mp3", "pcm", "opus"]


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the recogniser believes it has heard since its session began.

    Attributes:
        text: everything heard in this session so far.
        definite: the service says the sentence is over and will not change.
        end_ms: where the last word ended, on the session's audio clock; 0 when the service does not say.
        audio_ms: how much audio the service had taken when it said so.
        served_by: the family of the service, where it is not the usual one.
    """

    text: str
    definite: bool
    end_ms: int
    audio_ms: int
    served_by: str = ""


class Recognition(Protocol):
    """One recognition session. Send and read at the same time; iteration ends when the service is done."""

    async def send(self, pcm: bytes) -> None:
        """Hand over audio: signed 16-bit little-endian, mono, 16 kHz, any whole number of samples."""

    async def finish(self) -> None:
        """Say that no more audio comes; the last hypothesis follows and is definite."""

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses in order, until the session ends."""


class Recognizer(Protocol):
    """A recognition service. Keeps its own keep-alive: a caller that sends nothing for a while loses nothing."""

    def open(self, hot_words: Sequence[str] = ()) -> AbstractAsyncContextManager[Recognition]:
        """One session, connected on entry and closed on exit, however the block ends.

        Args:
            hot_words: what callers are likely to say and nobody would guess, such as names; for services that take it.
        """

    async def warm(self) -> None:
        """Have a connection ready for the next session, so that it pays no handshake.

        Returns at once or when it is ready. Never raises a ProviderError: a session that finds none dials.
        """

    async def aclose(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the reply."""

    text: str


ChatItem = TextDelta | ChatUsage


class ChatModel(Protocol):
    """A chat service."""

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[ChatItem]:
        """Stream the answer. Closing the iterator ends the request."""

    async def warm(self) -> None:
        """Get slow beginnings over, such as a library's import; safe to leave out."""

    async def aclose(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How a reply shall sound.

    Attributes:
        voice: the provider's own voice id.
        audio_format: `pcm` is signed 16-bit little-endian mono; `opus` is Ogg Opus.
        rate: 1.0 is the voice's own speed; 0.5 to 2.0.
        volume: 1.0 is the voice's own loudness; 0.5 to 2.0.
        emotion: a name of `backend.providers.emotions`, or one of the provider's own; empty for none.
        second_voice: what the provider that stands by speaks with; empty where it does not.
    """

    voice: str
    audio_format: AudioFormat = "mp3"
    sample_rate_hz: int = 24_000
    rate: float = 1.0
    volume: float = 1.0
    emotion: str = ""
    second_voice: str = ""


@dataclass(frozen=True, slots=True)
class SentenceBegan:
    """The sound that follows speaks this sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Sound:
    """One piece of encoded audio; the pieces of a sentence, joined, decode on their own."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SentenceEnded:
    """All sound of the sentence has come."""


@dataclass(frozen=True, slots=True)
class SpeechUsage:
    """What the synthesis cost, once, at its end."""

    characters: int


SpeechItem = SentenceBegan | Sound | SentenceEnded | SpeechUsage


class Speech(Protocol):
    """One synthesis session. Say and read at the same time; iteration ends when all is spoken."""

    async def say(self, text: str) -> None:
        """Hand over some more text, in order; the service cuts sentences itself."""

    async def finish(self) -> None:
        """Say that no more text comes."""

    async def cancel(self) -> None:
        """Stop speaking at once; iteration ends. The connection stays usable for the next session."""

    def __aiter__(self) -> AsyncIterator[SpeechItem]:
        """`SentenceBegan`, its `Sound`, `SentenceEnded`, and so on, in speaking order."""


class Synthesizer(Protocol):
    """A synthesis service."""

    @property
    def takes_tokens(self) -> bool:
        """Whether it wants the model's tokens as they come, or text in chunks."""

    def open(self, options: SpeechOptions) -> AbstractAsyncContextManager[Speech]:
        """One session. Leaving the block early cancels it; the connection behind it is kept for the next one."""

    async def warm(self, voice: str) -> None:
        """Have a connection ready for the next session of this voice, so that it pays no handshake.

        Returns at once or when it is ready. Never raises a ProviderError: a session that finds none dials.
        """

    async def aclose(self) -> None:
        """Let go of every connection."""


ActivityChange = Callable[[bool, int], None]
"""`(speaking, at_ms)`: speech began or ended at `at_ms` of the audio fed since `open`, which is where it did, not where
that was noticed. Called on the event loop; begin and end take turns, and `at_ms` never falls."""


class Activity(Protocol):
    """Voice activity in the sound of one call."""

    def feed(self, pcm: bytes) -> None:
        """Take audio as it comes (signed 16-bit little-endian, mono, 16 kHz), on the event loop. Cheap when quiet."""

    def close(self) -> None:
        """Forget the call; nothing is reported from now on. Safe to repeat."""


class ActivityDetector(Protocol):
    """Tells speech from other sound, for all calls at once."""

    def open(self, on_change: ActivityChange) -> Activity:
        """Follow one call, which begins in silence; inside a running event loop."""

    async def aclose(self) -> None:
        """Let go of the model and its thread."""


@dataclass(frozen=True, slots=True)
class TurnRef:
    """Which turn of which call something belongs to.

    Attributes:
        call: one connection's id; a conversation has had one or more.
        turn: its number in the call, from 1.
        persona: whom it was with; None for the server's usual one.
        owner: what the caller's token is known by; empty where none is wanted.
    """

    call: str = ""
    turn: int = 0
    persona: str | None = None
    owner: str = ""


NO_TURN: Final = TurnRef()


@dataclass(frozen=True, slots=True)
class TurnBill:
    """What became of a turn, when, and what it cost.

    Attributes:
        failure: the code of the error that ended it; empty for none.
        marks_ms: its timings, since the end of the caller's speech.
        usage: what the services say it cost, by their units' names, as `TurnMetrics` tells it.
        charges: the same as lines of a bill, exactly.
    """

    outcome: str
    failure: str
    marks_ms: Mapping[str, int]
    usage: Mapping[str, object]
    charges: Sequence[Charge] = ()


class ConversationStore(Protocol):
    """What was said, by conversation id. No method raises, whatever state the place behind it is in."""

    async def load(self, sid: str, owner: str = "") -> tuple[Message, ...]:
        """The conversation so far, oldest first; empty for an unknown id, and for one that is somebody else's.

        Waits a bounded time. What is known of the owner before (`owner`) may be out of date; this is not.

        What was folded into a summary is left out, and the summary stands in its place, see `backend.past`.
        """

    async def owner(self, sid: str) -> str:
        """Whoever began the conversation; empty for nobody, or for everybody. Waits a bounded time."""

    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        """Add the messages of a turn, without waiting for anything.

        Args:
            sent: all that was sent of a reply that was cut off; `messages` has what was heard of it. Empty for a
                reply that was heard whole.
        """

    def fold(self, sid: str, summary: str, newer: int, ref: TurnRef) -> None:
        """Keep a summary of all messages but the newest `newer`, in place of the one before; waits for nothing.

        Only of a conversation that the call has claimed and still holds: it may have been deleted meanwhile.
        """

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        """Keep what a turn cost, without waiting for anything."""

    def charge(self, ref: TurnRef, charges: Sequence[Charge]) -> None:
        """Keep what a call cost beside its turns, without waiting for anything; it stays when conversations go."""

    def claim(self, sid: str, ref: TurnRef) -> None:
        """A call takes up the conversation, also for other servers with the same store; waits for nothing."""

    async def settled(self, sid: str) -> None:
        """Return when other servers with the same store can load what was said; waits a bounded time."""

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """Which call took up each conversation last, so far as other servers may have; waits a bounded time."""
