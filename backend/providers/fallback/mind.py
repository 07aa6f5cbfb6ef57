"""Two chat services as one."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, cast

from backend.errors import ContentRefused, ProviderError
from backend.ports import ChatItem, ChatModel, Message, TextDelta
from backend.providers.chores import Chores
from backend.providers.fallback.breaker import FIRST, Breaker

_PROBE: Final = (Message("user", "Say: OK"),)


class FallbackChat:
    """`ChatModel` that asks the other one when the one in use fails before its first word."""

    def __init__(self, models: tuple[ChatModel, ChatModel], providers: tuple[str, str], rest_s: float) -> None:
        self._models = models
        self._chores = Chores()
        self.breaker = Breaker("llm", providers, self._probe, rest_s)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[ChatItem, None]:
        """Stream the answer of whichever answers. Closing the iterator ends the request.

        Raises:
            ProviderError: both failed, or one did in the middle of its answer, or the words themselves were refused.
        """
        try:
            async with aclosing(self._reply(messages)) as items:
                async for item in items:
                    yield item
        finally:
            self._chores.begin(self.warm())  # whoever was not asked goes on standing by

    async def _reply(self, messages: Sequence[Message]) -> AsyncGenerator[ChatItem, None]:
        failure: ProviderError | None = None
        for which in self.breaker.order:
            spoke = False
            try:
                async with aclosing(self._ask(which, messages)) as items:
                    async for item in items:
                        if isinstance(item, TextDelta) and not spoke:
                            spoke = True
                            self.breaker.worked(which)
                        yield item
            except ProviderError as error:
                self.breaker.failed(which, error)
                if spoke or isinstance(error, ContentRefused):
                    raise
                failure = error
            else:
                return
        if failure is not None:
            raise failure

    async def warm(self) -> None:
        """Get both ready: whoever takes over shall have no library to load first, and no connection to open."""
        for model in self._models:
            await model.warm()

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._chores.aclose()
        await self.breaker.aclose()
        for model in self._models:
            await model.aclose()

    def _ask(self, which: int, messages: Sequence[Message]) -> AsyncGenerator[ChatItem, None]:
        return cast("AsyncGenerator[ChatItem, None]", self._models[which].reply(messages))

    async def _probe(self) -> None:
        async with aclosing(self._ask(FIRST, _PROBE)) as items:
            async for item in items:
                if isinstance(item, TextDelta):
                    return
