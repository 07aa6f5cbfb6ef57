"""Conversations in memory first, and in a database as soon as it takes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from backend.errors import StoreError
from backend.expenses import Charge
from backend.past import headed, parted
from backend.ports import NO_TURN, Message, TurnBill, TurnRef
from backend.store.memory import MemoryStore
from backend.store.records import Billed, Charged, Claimed, Folded, Record, Said, items, lines, now_ms
from backend.store.totals import Total, added_up, day_of
from backend.store.vault import KeepLimits, Vault
from backend.store.voice_rows import VoicePlace
from backend.store.write_behind import WriteBehind

log = logging.getLogger(__name__)

T = TypeVar("T")

_DAY_MS: Final = 24 * 3600 * 1000


class KeptStore:
    """A `ConversationStore` that writes behind the calls' backs.

    Args:
        vault: makes the database's client; awaited once the server is up, as it may import a lot.
    """

    def __init__(self, vault: Callable[[], Awaitable[Vault]], limits: KeepLimits) -> None:
        self._limits = limits
        self._memory = MemoryStore(limits.max_messages, limits.in_memory)
        self._behind = WriteBehind(vault, limits)
        self._answered = 0  # questions that calls waited for
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> str:
        """`connecting`, `up` or `down`, for people: calls go on in memory without it.

        One that can be read but not written is down: what is said waits. Calls still begin with what it has.
        """
        if self._behind.told_down:
            return "down"
        return "up" if self._behind.up.is_set() else "connecting"

    def start(self) -> None:
        """Begin to connect, and to write, inside a running event loop."""
        self._tasks = [asyncio.create_task(self._behind.run()), asyncio.create_task(self._do_chores())]

    async def aclose(self) -> None:
        """Write what can be written in the time that is left, say what was not, and let go; ends in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._behind.is_down else self._limits.flush_s):
                await self._behind.all_written()
        for task in self._tasks:
            task.cancel()
        ended = await _within(self._limits.close_s, asyncio.gather(*self._tasks, return_exceptions=True))
        if lost := len(self._behind.backlog):
            log.warning("store.lost", extra={"records": lost})
        ended = await _within(self._limits.close_s, self._behind.aclose()) and ended
        if not ended:
            log.warning("store.not_closed")

    # --- ConversationStore

    async def load(self, sid: str, owner: str = "") -> tuple[Message, ...]:
        """See `ConversationStore`: what the database has and what waits for it; of a database that is down, memory."""
        if not self._behind.is_down:
            with suppress(StoreError, TimeoutError):
                self._memory.replace(sid, await self._quickly(self._load(sid, owner)), owner)
        return await self._memory.load(sid, owner)

    async def owner(self, sid: str) -> str:
        """See `ConversationStore`: as the database has it, else as far as this server knows."""
        here = await self._memory.owner(sid)
        if self._behind.is_down:
            return here
        with suppress(StoreError, TimeoutError):
            here = await self._quickly(self._owner(sid)) or here
        return here

    async def _quickly(self, question: Coroutine[Any, Any, T]) -> T:
        """Of a question that a call waits for, the answer. That there is none says that the database is down."""
        answered = self._answered
        within_s = self._limits.load_s if self._behind.tried.is_set() else self._limits.first_load_s
        try:
            async with asyncio.timeout(within_s):
                answer = await question
        except TimeoutError as exc:
            if not self._behind.one_at_a_time.locked() and self._answered == answered:  # else it is only busy with ours
                self._behind.fail(exc)
            raise
        except StoreError as exc:
            self._behind.fail(exc)
            raise
        else:
            self._answered += 1
            return answer

    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        """See `ConversationStore`."""
        await self._memory.append(sid, messages)
        self._behind.add(Said(sid, ref, lines(tuple(messages), sent)))

    def fold(self, sid: str, summary: str, newer: int, ref: TurnRef) -> None:
        """See `ConversationStore`."""
        if self._memory.is_held(sid, ref):
            self._memory.fold(sid, summary, newer, ref)
            self._behind.add(Folded(sid, ref, summary, newer))

    async def settled(self, sid: str) -> None:
        """See `ConversationStore`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.load_s):
                await self._behind.settled(sid)

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        """See `ConversationStore`."""
        self._behind.add(Billed(sid, ref, bill, items(bill.charges)))

    def charge(self, ref: TurnRef, charges: Sequence[Charge]) -> None:
        """See `ConversationStore`."""
        self._behind.add(Charged(ref, items(charges)))

    async def costs(self, first: str, last: str) -> tuple[Total, ...]:
        """What these days have cost, both included, with what waits to be written.

        Raises:
            StoreError: the database could not be asked.
        """
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self._behind.tried.wait()
                async with self._behind.one_at_a_time:
                    newest = await self._behind.vault.newest_charge()
                    waiting = [total for record in self._behind.backlog for total in _totals(record)]
                there = await self._behind.vault.costs(first, last, newest)  # no call waits for that
        except TimeoutError as exc:
            raise StoreError("the database does not answer") from exc
        return added_up((*there, *(total for total in waiting if first <= total.day <= last)))

    def claim(self, sid: str, ref: TurnRef) -> None:
        """See `ConversationStore`."""
        self._memory.claim(sid, ref)
        self._behind.add(Claimed(sid, ref))

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """See `ConversationStore`: of those whose claims have been written; nothing while the database is down."""
        waiting = {record.sid for record in self._behind.backlog if isinstance(record, Claimed)}
        if self._behind.is_down or not (asked := set(sids) - waiting):
            return {}
        try:
            async with asyncio.timeout(self._limits.write_s):
                return await self._behind.vault.holders(asked)
        except (StoreError, TimeoutError) as exc:
            log.info("store.chore_failed", extra={"reason": str(exc)})
            return {}

    async def forget(self, sid: str, owner: str = "") -> bool:
        """Delete a conversation, and what waits to be written of it; whether there was one that is theirs, or nobody's.

        Raises:
            StoreError: the database could not be asked; what it has of the conversation is still there.
        """
        try:
            async with asyncio.timeout(self._limits.write_s):
                return await self._forget(sid, owner)
        except TimeoutError as exc:
            raise StoreError("the database does not answer") from exc

    async def _forget(self, sid: str, owner: str) -> bool:
        await self._behind.tried.wait()
        async with self._behind.one_at_a_time:
            known = self._forget_here(sid, owner)
            return await self._behind.vault.forget(sid, owner) or known

    def voices(self) -> VoicePlace:
        """Where the voices are kept that there are to choose from.

        Raises:
            StoreError: the database is not there.
        """
        if not self._behind.up.is_set():
            raise StoreError("the database is not there")
        return self._behind.vault.voices

    # --- with what waits to be written

    async def _load(self, sid: str, owner: str) -> tuple[Message, ...]:
        await self._behind.tried.wait()
        async with self._behind.one_at_a_time:  # what is pending now is what the database does not have
            there = await self._behind.vault.load(sid, self._limits.max_messages, owner)
            waiting = [record for record in self._behind.backlog if _is_of(record, sid, owner)]
        return _after(there, waiting)

    async def _owner(self, sid: str) -> str:
        await self._behind.tried.wait()
        return await self._behind.vault.owner(sid)

    def _forget_here(self, sid: str, owner: str) -> bool:
        if self._memory.is_open(sid, owner):
            self._memory.drop(sid)
        gone = self._behind.backlog.remove(lambda record: _is_of(record, sid, owner))
        for record in gone:
            if isinstance(record, Billed):
                self._behind.backlog.add(record.without_conversation())
        return bool(gone)

    # --- chores

    async def _do_chores(self) -> None:
        while self._limits.days:
            await self._behind.up.wait()
            try:
                async with asyncio.timeout(self._limits.chore_s):
                    gone = await self._behind.vault.forget_before(now_ms() - round(self._limits.days * _DAY_MS))
                log.info("store.expired", extra={"conversations": gone})
            except (StoreError, TimeoutError) as exc:
                log.info("store.chore_failed", extra={"reason": str(exc)})
            await asyncio.sleep(self._limits.chore_s)


async def _within(seconds: float, work: Awaitable[object]) -> bool:
    """Wait for it no longer than that; whether it ended."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True


def _is_of(record: Record, sid: str, owner: str) -> bool:
    """What others say in somebody's conversation is not written, and not read before."""
    return record.sid == sid and record.ref.owner == owner


def _totals(record: Record) -> list[Total]:
    if not isinstance(record, Billed | Charged):
        return []
    return [Total(day_of(record.at_ms), charge) for _, charge in record.items]


def _after(past: tuple[Message, ...], waiting: Sequence[Record]) -> tuple[Message, ...]:
    """A conversation as it is once these are written."""
    summary, messages = parted(past)
    for record in waiting:
        if isinstance(record, Said):
            messages = (*messages, *record.heard())
        elif isinstance(record, Folded):
            summary, messages = record.summary, messages[-record.newer :] if record.newer else ()
    return headed(summary, messages)
