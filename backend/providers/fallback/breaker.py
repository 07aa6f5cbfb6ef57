"""Which of a stage's two providers is asked first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from backend.errors import ContentRefused, ProviderError, Stage
from backend.expenses import Nobody, payer
from backend.marks import on_request_sent, on_served
from backend.providers.chores import Chores

log = logging.getLogger(__name__)

FIRST: Final = 0
SECOND: Final = 1
MOST_RESTS: Final = 8
"""The rest doubles with each probe that fails, up to so many times the first one."""


class Breaker:
    """The first provider is asked first until it fails; then the second is, for a while.

    After that rest the first is probed, beside all calls, and is back when it answers. Whoever is asked first, the
    other is asked next, as long as nothing of an answer was heard.

    Args:
        providers: their families' names.
        probe: asks the first provider for something small, and raises its error when it does not get it.
        rest_s: how long the first one is left alone after it failed.

    Attributes:
        takeovers: how often the second one has taken over.
    """

    def __init__(
        self, stage: Stage, providers: tuple[str, str], probe: Callable[[], Awaitable[None]], rest_s: float
    ) -> None:
        self.stage: Stage = stage
        self.providers = providers
        self.takeovers = 0
        self._probe = probe
        self._rest_s = rest_s
        self._chores = Chores()
        self._resting: asyncio.Task[None] | None = None

    @property
    def in_use(self) -> int:
        """Which of the two is asked first now."""
        return FIRST if self._resting is None else SECOND

    @property
    def order(self) -> tuple[int, int]:
        """In which order the two are asked now."""
        return (FIRST, SECOND) if self._resting is None else (SECOND, FIRST)

    def failed(self, which: int, error: ProviderError) -> None:
        """One of them has failed; what it says about the words themselves says nothing about its health."""
        if which == SECOND or self._resting is not None or isinstance(error, ContentRefused):
            return
        self.takeovers += 1
        self._resting = self._chores.begin(self._rest())
        names = {"stage": self.stage, "failed": self.providers[FIRST], "in_use": self.providers[SECOND]}
        log.warning("fallback.took_over", extra={**names, "code": error.code, "reason": str(error)})

    def worked(self, which: int) -> None:
        """One of them has answered."""
        if which == SECOND:
            if (tell := on_served.get()) is not None:
                tell(self.stage, self.providers[SECOND])
        elif self._resting is not None:
            self._resting.cancel()
            self._mended()

    async def aclose(self) -> None:
        """Probe no more."""
        self._chores.cancel()
        await self._chores.aclose()

    async def _rest(self) -> None:
        on_served.set(None)  # this outlives the turn that found it broken, is not measured with it, and not paid by it
        on_request_sent.set(None)
        payer.set(Nobody())
        rest_s = self._rest_s
        while True:
            await asyncio.sleep(rest_s)
            try:
                await self._probe()
            except ProviderError as error:
                log.info("fallback.probe_failed", extra={"stage": self.stage, "reason": str(error)})
                rest_s = min(2 * rest_s, MOST_RESTS * self._rest_s)
            else:
                self._mended()
                return

    def _mended(self) -> None:
        self._resting = None
        log.warning("fallback.over", extra={"stage": self.stage, "in_use": self.providers[FIRST]})
