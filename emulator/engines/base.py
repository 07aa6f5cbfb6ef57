"""What a service of the emulator needs from the engine behind it.

All audio at this line is PCM, signed 16-bit little-endian, mono. Services speak the wire; engines hear, think, speak.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HearOptions:
    """Of one recognition session.

    Attributes:
        end_window_ms: silence after which an utterance is definite.
        partials: whether the client gains from hypotheses before the end (False for the `nostream` path).
        hot_words: names and terms to expect.
        force_to_speech_ms: of the session's audio, before which no utterance ends.
    """

    end_window_ms: int = 800
    partials: bool = True
    sample_rate_hz: int = 16_000
    hot_words: tuple[str, ...] = ()
    force_to_speech_ms: int = 0


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech on the session's audio clock."""

    text: str
    start_ms: int
    end_ms: int
    definite: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """All utterances of the session so far; only the last one may be indefinite."""

    audio_ms: int
    utterances: tuple[Utterance, ...]

    @property
    def text(self) -> str:
        """Everything heard."""
        return "".join(utterance.text for utterance in self.utterances)


class Hearing(Protocol):
    """One recognition session: feed and read at the same time."""

    async def feed(self, pcm: bytes) -> None:
        """Some more audio. Never waits for inference."""

    async def finish(self) -> None:
        """No more audio: the iteration gives the last result, all definite, and ends."""

    def __aiter__(self) -> AsyncIterator[Heard]:
        """A result each time it changes."""


class RecognitionEngine(Protocol):
    """Ears."""

    def open(self, options: HearOptions) -> AbstractAsyncContextManager[Hearing]:
        """Begin a session."""


@dataclass(frozen=True, slots=True)
class SpeakOptions:
    """Of one synthesis session.

    Attributes:
        voice: the vendor's voice id; an engine maps it to one of its own.
        rate: 1.0 is the normal speed.
        volume: 1.0 is the normal loudness.
    """

    voice: str
    rate: float = 1.0
    volume: float = 1.0


@dataclass(frozen=True, slots=True)
class Pcm:
    """A piece of sound."""

    data: bytes
    sample_rate_hz: int


class SynthesisEngine(Protocol):
    """A voice."""

    def speak(self, sentence: str, options: SpeakOptions) -> AsyncIterator[Pcm]:
        """Speak one sentence, in pieces as they are ready. Closing the iterator stops it."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion, as the client asked for it."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None
    temperature: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class ChatEngine(Protocol):
    """A mind."""

    label: str
    """How it names itself wherever its answers show, for example "replies (offline stand-in)"."""

    def reply(self, request: ChatRequest) -> AsyncIterator[str]:
        """The answer in tokens. Closing the iterator stops it."""


class Engines(Protocol):
    """The three together, with what they hold open (worker processes)."""

    recognition: RecognitionEngine
    synthesis: SynthesisEngine
    chat: ChatEngine

    async def aclose(self) -> None:
        """End what was started."""
