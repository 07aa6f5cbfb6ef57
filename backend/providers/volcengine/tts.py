"""Bidirectional synthesis by Doubao."""

from contextlib import AbstractAsyncContextManager

from backend.ports import Speech, SpeechOptions
from backend.providers.volcengine.config import SpeechCredentials, TtsConfig


class VolcengineSynthesizer:
    """`Synthesizer` over Doubao's bidirectional synthesis; its connections outlive a turn and are shared by calls."""

    def __init__(self, credentials: SpeechCredentials, config: TtsConfig) -> None:
        self.takes_tokens = config.takes_tokens
        self._credentials = credentials
        self._config = config

    async def warm(self, voice: str) -> None:
        """Have a connection ready for a voice, so that the first turn pays no handshake; never raises."""
        raise NotImplementedError

    def open(self, options: SpeechOptions) -> AbstractAsyncContextManager[Speech]:
        """One session. Leaving the block early cancels it; the connection behind it is kept for the next one."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of every connection."""
        raise NotImplementedError
