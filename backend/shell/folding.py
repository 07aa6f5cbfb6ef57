"""Asks the chat model for summaries, beside the call: one at a time, bounded in time and length, in nobody's way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, assert_never

from backend.call.moves import Fold, Folded
from backend.call.token_count import message_tokens, text_tokens
from backend.cost.meter import Part
from backend.errors import ProviderError
from backend.expenses import payer
from backend.marks import TurnMarks
from backend.ports import ChatModel, ChatUsage, Message, TextDelta

log = logging.getLogger(__name__)

Recap = Callable[[str | None, str, Sequence[Message]], Sequence[Message]]
"""(persona's id or None, summary so far, what was said since) → messages for the model."""


@dataclass(frozen=True, slots=True)
class FoldLimits:
    """Bounds of one request for a summary.

    Attributes:
        answer_s: it has failed after so long.
        answer_tokens: more is not read; a summary that is longer than it may be is cut short later.
    """

    answer_s: float = 30.0
    answer_tokens: int = 1_000


class Folder:
    """Carries out `Fold` and `DropFold`, and keeps what they cost until a turn is there to bear it.

    Args:
        post: takes the news that a request is over.
        start: runs a task in the call's group.
        part: who pays for one request.
    """

    def __init__(
        self,
        model: ChatModel,
        recap: Recap,
        *,
        post: Callable[[Folded], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
        part: Callable[[], Part],
        limits: FoldLimits = FoldLimits(),
    ) -> None:
        self._model = model
        self._recap = recap
        self._post = post
        self._start = start
        self._part = part
        self._limits = limits
        self._running: tuple[asyncio.Task[None], Part] | None = None
        self._usage: dict[str, int] = {}

    def begin(self, fold: Fold) -> None:
        """Ask for a summary."""
        part = self._part()
        self._running = (self._start(self._work(fold, part)), part)

    def stop(self) -> None:
        """End the request that is under way, if one is."""
        running, self._running = self._running, None
        if running is not None:
            task, part = running
            part.cut()
            task.cancel()

    def charge(self, marks: TurnMarks) -> None:
        """A turn is over: it bears what summaries have cost since the one before."""
        marks.spend(**self._usage)
        self._usage = {}

    async def _work(self, fold: Fold, part: Part) -> None:
        payer.set(part)
        summary: str | None = None
        try:
            async with asyncio.timeout(self._limits.answer_s):
                summary = await self._ask(self._recap(fold.persona, fold.summary, fold.messages)) or None
        except (ProviderError, TimeoutError) as exc:
            log.info("summary.failed", extra={"reason": str(exc) or "it took too long"})
        except Exception:
            log.exception("summary.crashed")
        await self._post(Folded(fold.number, summary))

    async def _ask(self, messages: Sequence[Message]) -> str:
        pieces: list[str] = []
        told: ChatUsage | None = None
        try:
            async with aclosing(self._model.reply(messages)) as items:  # type: ignore[type-var]
                async for item in items:
                    match item:
                        case TextDelta(text):
                            pieces.append(text)
                            if len(pieces) > self._limits.answer_tokens:
                                break
                        case ChatUsage():
                            told = item
                        case _:
                            assert_never(item)
        finally:
            self._spend(messages, pieces, told)
        return "".join(pieces).strip()

    def _spend(self, messages: Sequence[Message], pieces: Sequence[str], told: ChatUsage | None) -> None:
        """What the service says it cost, else an estimate: a request that was stopped tells nothing."""
        usage = told or ChatUsage(message_tokens(messages), text_tokens("".join(pieces)))
        costs = {
            "summary_requests": 1,
            "summary_prompt_tokens": usage.prompt_tokens,
            "summary_completion_tokens": usage.completion_tokens,
            "summary_cached_tokens": usage.cached_tokens,
        }
        self._usage = {unit: self._usage.get(unit, 0) + amount for unit, amount in costs.items()}
