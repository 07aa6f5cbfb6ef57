"""A reply's sentences on their way to a service that speaks them one at a time."""

import asyncio
from collections import deque
from typing import Final

from backend.errors import ProviderRefused
from backend.providers.patience import Patience
from backend.providers.sentences import SentenceCutter

MAX_WAITING_CHARS: Final = 20_000
"""So much of a reply may wait to be spoken; with more it is refused."""


class SentenceLine:
    """Text goes in as it comes; whole sentences come out, each when it is asked for.

    Args:
        patience: of whoever asks; a reply that grows too long interrupts it.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._cutter = SentenceCutter()
        self._sentences: deque[str] = deque()
        self._more = asyncio.Event()
        self._finished = False
        self.taken = 0

    def say(self, text: str) -> None:
        """Some more text."""
        if not self._finished:
            self._put(self._cutter.feed(text))

    def finish(self) -> None:
        """No more text comes."""
        if not self._finished:
            self._put(self._cutter.flush())
        self._finished = True
        self._more.set()

    async def next(self) -> str | None:
        """The next sentence, once it is whole; None after the last. Waiting for one has no deadline."""
        self._patience.relax()
        while not self._sentences and not self._finished:
            self._more.clear()
            await self._patience.wait(self._more.wait())
        if not self._sentences:
            return None
        self.taken += 1
        return self._sentences.popleft()

    def _put(self, sentences: list[str]) -> None:
        self._sentences.extend(sentences)
        self._more.set()
        if sum(map(len, self._sentences)) > MAX_WAITING_CHARS:
            self._patience.interrupt(ProviderRefused("tts", "the reply is too long to be spoken"))
