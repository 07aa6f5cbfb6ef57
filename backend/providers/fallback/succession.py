"""A session with one service that another one goes on with when it fails."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Generic, Protocol, Self, TypeVar

from backend.errors import ProviderError
from backend.providers.fallback.breaker import FIRST, Breaker


class Session(Protocol):
    """What recognition and synthesis have in common."""

    async def finish(self) -> None:
        """Say that nothing more is handed over."""


S = TypeVar("S", bound=Session)
Piece = TypeVar("Piece")
Item = TypeVar("Item")


class Succession(ABC, Generic[S, Piece, Item]):
    """The session in use, and who may take over. What was handed over and may be needed again is handed over again."""

    def __init__(self, breaker: Breaker, order: Iterable[int]) -> None:
        self.breaker = breaker
        self.which = FIRST
        self.inner: S | None = None
        self._left = deque(order)
        self._stack = AsyncExitStack()
        self._items: AsyncIterator[Item] | None = None
        self._again: deque[Piece] = deque()
        self._finished = False

    @abstractmethod
    def opening(self, which: int) -> AbstractAsyncContextManager[S]:
        """A session with this one of the services."""

    @abstractmethod
    def items(self, inner: S) -> AsyncIterator[Item]:
        """What comes back from it."""

    @abstractmethod
    async def pass_on(self, inner: S, piece: Piece) -> None:
        """Hand a piece over to it."""

    @abstractmethod
    def needed_again(self) -> Iterable[Piece]:
        """The pieces that a successor is handed before any new one, oldest first."""

    @abstractmethod
    def noted(self, item: Item) -> Item:
        """Take note of an item, and give it as the caller gets it."""

    def may_change(self, error: ProviderError) -> bool:
        """Whether a successor may take over after this."""
        return True

    async def caught_up(self, inner: S) -> None:
        """A new session has been handed all that there was: finish it, if nothing more comes."""
        if self._finished:
            await inner.finish()

    async def begin(self) -> None:
        """Open it with whoever comes next in the order, and hand over what has to be.

        Raises:
            ProviderError: nobody is left.
        """
        while True:
            self.which = self._left.popleft()
            try:
                inner = await self._stack.enter_async_context(self.opening(self.which))
            except ProviderError as error:
                self.breaker.failed(self.which, error)
                if not self._left:
                    raise
            else:
                await self._catch_up(inner)
                return

    async def close(self) -> None:
        """Hang up, ended or not."""
        await self._stack.aclose()

    async def hand_over(self, piece: Piece) -> None:
        """Pass a piece on, or keep it for the successor that is being opened."""
        if self.inner is not None:
            await self.pass_on(self.inner, piece)
        else:
            self._again.append(piece)

    async def finish(self) -> None:
        """Say that nothing more comes."""
        self._finished = True
        if self.inner is not None:
            await self.inner.finish()

    def __aiter__(self) -> Self:
        """Items in order, until the session ends."""
        return self

    async def __anext__(self) -> Item:
        """The next item.

        Raises:
            ProviderError: the session failed, and nobody may take over.
        """
        while self._items is not None:
            try:
                return self.noted(await anext(self._items))
            except ProviderError as error:
                self.breaker.failed(self.which, error)
                if not self._left or not self.may_change(error):
                    raise
                await self._change()
        raise StopAsyncIteration

    async def _change(self) -> None:
        self.inner = None
        self._again = deque(self.needed_again())
        await self._stack.aclose()
        await self.begin()

    async def _catch_up(self, inner: S) -> None:
        while self._again:
            await self.pass_on(inner, self._again.popleft())
        self._items = self.items(inner)
        self.inner = inner
        await self.caught_up(inner)
