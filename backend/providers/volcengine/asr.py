"""Streaming recognition by Doubao."""

from contextlib import AbstractAsyncContextManager

from backend.ports import Recognition
from backend.providers.volcengine.config import AsrConfig, SpeechCredentials


class VolcengineRecognizer:
    """`Recognizer` over Doubao's streaming recognition."""

    def __init__(self, credentials: SpeechCredentials, config: AsrConfig) -> None:
        self._credentials = credentials
        self._config = config

    def open(self) -> AbstractAsyncContextManager[Recognition]:
        """One session, connected on entry and closed on exit, however the block ends."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of every connection."""
        raise NotImplementedError
