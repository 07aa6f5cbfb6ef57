"""Conversations in memory first, and in a database as soon as it takes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from backend.errors import StoreError, StoreRefusedError
from backend.expenses import Charge
from backend.past import headed, parted
from backend.ports import NO_TURN, Message, TurnBill, TurnRef
from backend.store.backlog import Backlog
from backend.store.memory import MemoryStore
from backend.store.records import Billed, Charged, Claimed, Folded, Record, Said, items, lines, now_ms
from backend.store.totals import Total, added_up, day_of
from backend.store.voice_rows import VoicePlace

log = logging.getLogger(__name__)

T = TypeVar("T")

_DAY_MS: Final = 24 * 3600 * 1000


class Vault(Protocol):
    """The database, as `backend.store.database.Database` is one. Every method may raise `StoreError`."""

    @property
    def voices(self) -> VoicePlace:
        """Those there are to choose from."""

    async def open(self) -> None:
        """Connect, and have the tables in shape; again after a failure."""

    async def load(self, sid: str, most: int, owner: str) -> tuple[Message, ...]:
        """The newest messages of a conversation, oldest first; nothing of one that is somebody else's."""

    async def write(self, records: Sequence[Record], *, again: bool) -> None:
        """Write all or none; with `again`, those that are not there yet."""

    async def owner(self, sid: str) -> str:
        """Whose the conversation is; empty for nobody's."""

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """Which call took up each conversation last."""

    async def newest_charge(self) -> int:
        """The id of the last charge that was written; those of later ones are greater."""

    async def costs(self, first: str, last: str, newest: int) -> tuple[Total, ...]:
        """What these days have cost, both included, in charges up to the one with the id `newest`. May take long."""

    async def forget(self, sid: str, owner: str) -> bool:
        """Delete a conversation; whether there was one that is theirs, or nobody's."""

    async def forget_before(self, time_ms: int) -> int:
        """Delete what is older; how many conversations that was."""

    async def aclose(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """Bounds of what waits for the database.

    Attributes:
        max_messages: of a conversation that are read, and held in memory.
        in_memory: conversations that go on from memory while the database is down.
        load_s: after this long a call begins with what memory has.
        first_load_s: the same while the server has only just started: who was cut off by that comes back at once.
        write_s: after this long a write has failed.
        open_s: the same for connecting, in which another server's migration may have to be waited for.
        linger_s: how long a record waits for others to be written together.
        pending: records that wait; the oldest is dropped for the newest.
        batch: records in one transaction.
        retry_s, most_retry_s: how long a database that failed is left alone, at first and at most.
        tries: a record that the database refuses for what it is, by itself, is dropped after so many.
        flush_s: how long the end of the server waits for what has not been written.
        close_s: and then for the database to let go: a disk may hang for ever.
        days: conversations in which nothing was said for so long are deleted; 0 keeps them.
        chore_s: how often that is looked after.
    """

    max_messages: int = 20
    in_memory: int = 1000
    load_s: float = 1.0
    first_load_s: float = 5.0
    write_s: float = 10.0
    open_s: float = 90.0
    linger_s: float = 0.05
    pending: int = 10_000
    batch: int = 200
    retry_s: float = 0.5
    most_retry_s: float = 15.0
    tries: int = 3
    flush_s: float = 5.0
    close_s: float = 2.0
    days: float = 0
    chore_s: float = 3600.0


class KeptStore:
    """A `ConversationStore` that writes behind the calls' backs.

    Args:
        vault: makes the database's client; awaited once the server is up, as it may import a lot.
    """

    def __init__(self, vault: Callable[[], Awaitable[Vault]], limits: KeepLimits) -> None:
        self._make_vault = vault
        self._limits = limits
        self._memory = MemoryStore(limits.max_messages, limits.in_memory)
        self._vault: Vault | None = None
        self._backlog = Backlog(limits.pending, limits.batch, limits.tries)
        self._down = False  # nothing can be read
        self._told_down = False  # it is down, or takes nothing, and people were told
        self._answered = 0  # questions that calls waited for
        self._up = asyncio.Event()
        self._tried = asyncio.Event()  # whether it is up or down is known
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._moved = asyncio.Event()  # since someone last waited for it, a batch was written, or all was given up
        self._one_at_a_time = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> str:
        """`connecting`, `up` or `down`, for people: calls go on in memory without it.

        One that can be read but not written is down: what is said waits. Calls still begin with what it has.
        """
        if self._told_down:
            return "down"
        return "up" if self._up.is_set() else "connecting"

    def start(self) -> None:
        """Begin to connect, and to write, inside a running event loop."""
        self._tasks = [asyncio.create_task(self._write_behind()), asyncio.create_task(self._do_chores())]

    async def aclose(self) -> None:
        """Write what can be written in the time that is left, say what was not, and let go; ends in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._down else self._limits.flush_s):
                await self._written.wait()
        for task in self._tasks:
            task.cancel()
        ended = await _within(self._limits.close_s, asyncio.gather(*self._tasks, return_exceptions=True))
        if lost := len(self._backlog):
            log.warning("store.lost", extra={"records": lost})
        if self._vault is not None:
            ended = await _within(self._limits.close_s, self._vault.aclose()) and ended
        if not ended:
            log.warning("store.not_closed")

    # --- ConversationStore

    async def load(self, sid: str, owner: str = "") -> tuple[Message, ...]:
        """See `ConversationStore`: what the database has and what waits for it; of a database that is down, memory."""
        if not self._down:
            with suppress(StoreError, TimeoutError):
                self._memory.replace(sid, await self._quickly(self._load(sid, owner)), owner)
        return await self._memory.load(sid, owner)

    async def owner(self, sid: str) -> str:
        """See `ConversationStore`: as the database has it, else as far as this server knows."""
        here = await self._memory.owner(sid)
        if self._down:
            return here
        with suppress(StoreError, TimeoutError):
            here = await self._quickly(self._owner(sid)) or here
        return here

    async def _quickly(self, question: Coroutine[Any, Any, T]) -> T:
        """Of a question that a call waits for, the answer. That there is none says that the database is down."""
        answered = self._answered
        try:
            async with asyncio.timeout(self._limits.load_s if self._tried.is_set() else self._limits.first_load_s):
                answer = await question
        except TimeoutError as exc:
            if not self._one_at_a_time.locked() and self._answered == answered:  # else it is only busy with ours
                self._fail(exc)
            raise
        except StoreError as exc:
            self._fail(exc)
            raise
        else:
            self._answered += 1
            return answer

    async def append(self, sid: str, messages: Sequence[Message], ref: TurnRef = NO_TURN, sent: str = "") -> None:
        """See `ConversationStore`."""
        await self._memory.append(sid, messages)
        self._enqueue(Said(sid, ref, lines(tuple(messages), sent)))

    def fold(self, sid: str, summary: str, newer: int, ref: TurnRef) -> None:
        """See `ConversationStore`."""
        if self._memory.is_held(sid, ref):
            self._memory.fold(sid, summary, newer, ref)
            self._enqueue(Folded(sid, ref, summary, newer))

    async def settled(self, sid: str) -> None:
        """See `ConversationStore`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.load_s):
                while not self._told_down and self._waits(sid):
                    await self._moved.wait()

    def _waits(self, sid: str) -> bool:
        return any(isinstance(record, Said | Folded) and record.sid == sid for record in self._backlog)

    def account(self, sid: str, ref: TurnRef, bill: TurnBill) -> None:
        """See `ConversationStore`."""
        self._enqueue(Billed(sid, ref, bill, items(bill.charges)))

    def charge(self, ref: TurnRef, charges: Sequence[Charge]) -> None:
        """See `ConversationStore`."""
        self._enqueue(Charged(ref, items(charges)))

    async def costs(self, first: str, last: str) -> tuple[Total, ...]:
        """What these days have cost, both included, with what waits to be written.

        Raises:
            StoreError: the database could not be asked.
        """
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self._tried.wait()
                async with self._one_at_a_time:
                    newest = await self._asked().newest_charge()
                    waiting = [total for record in self._backlog for total in _totals(record)]
                there = await self._asked().costs(first, last, newest)  # no call waits for that
        except TimeoutError as exc:
            raise StoreError("the database does not answer") from exc
        return added_up((*there, *(total for total in waiting if first <= total.day <= last)))

    def claim(self, sid: str, ref: TurnRef) -> None:
        """See `ConversationStore`."""
        self._memory.claim(sid, ref)
        self._enqueue(Claimed(sid, ref))

    async def holders(self, sids: Collection[str]) -> dict[str, str]:
        """See `ConversationStore`: of those whose claims have been written; nothing while the database is down."""
        waiting = {record.sid for record in self._backlog if isinstance(record, Claimed)}
        if self._down or not (asked := set(sids) - waiting):
            return {}
        try:
            async with asyncio.timeout(self._limits.write_s):
                return await self._asked().holders(asked)
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
        await self._tried.wait()
        async with self._one_at_a_time:
            known = self._forget_here(sid, owner)
            return await self._asked().forget(sid, owner) or known

    def voices(self) -> VoicePlace:
        """Where the voices are kept that there are to choose from.

        Raises:
            StoreError: the database is not there.
        """
        if not self._up.is_set():
            raise StoreError("the database is not there")
        return self._asked().voices

    # --- the queue

    def _enqueue(self, record: Record) -> None:
        self._backlog.add(record)
        self._written.clear()
        self._wake.set()

    async def _load(self, sid: str, owner: str) -> tuple[Message, ...]:
        await self._tried.wait()
        async with self._one_at_a_time:  # what is pending now is what the database does not have
            there = await self._asked().load(sid, self._limits.max_messages, owner)
            waiting = [record for record in self._backlog if _is_of(record, sid, owner)]
        return _after(there, waiting)

    async def _owner(self, sid: str) -> str:
        await self._tried.wait()
        return await self._asked().owner(sid)

    def _forget_here(self, sid: str, owner: str) -> bool:
        if self._memory.is_open(sid, owner):
            self._memory.drop(sid)
        gone = self._backlog.remove(lambda record: _is_of(record, sid, owner))
        for record in gone:
            if isinstance(record, Billed):
                self._backlog.add(record.without_conversation())
        return bool(gone)

    def _asked(self) -> Vault:
        if self._vault is None or self._down:
            raise StoreError("the database is not there")
        return self._vault

    # --- writing

    async def _write_behind(self) -> None:
        retry_s = self._limits.retry_s
        while True:
            try:
                await self._write_on()
                retry_s = self._limits.retry_s
            except (StoreError, TimeoutError) as exc:
                if not self._up.is_set():
                    self._fail(exc)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, self._limits.most_retry_s)
            except Exception as exc:
                log.exception("store.crashed")
                self._fail(exc)
                await asyncio.sleep(self._limits.most_retry_s)

    async def _write_on(self) -> None:
        if not self._up.is_set():
            await self._open()
        await self._wake.wait()
        await asyncio.sleep(self._limits.linger_s)
        if self._up.is_set():  # a call that could not load may have found it down
            await self._write_some()
        if self._backlog.refusals > 1:
            await asyncio.sleep(self._limits.retry_s)

    async def _open(self) -> None:
        if self._vault is None:
            self._vault = await self._make_vault()
        async with asyncio.timeout(self._limits.open_s):
            await self._vault.open()
        self._down = False
        self._up.set()
        self._tried.set()
        if not self._backlog:  # else it has to take something first: it may be for reading only
            self._come_back()

    async def _write_some(self) -> None:
        async with self._one_at_a_time:
            if self._backlog:
                await self._write_batch(self._backlog.take())
            if not self._backlog:
                self._wake.clear()
                self._written.set()

    async def _write_batch(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self._asked().write(records, again=self._backlog.may_be_written)
        except StoreRefusedError as exc:
            self._narrow_down(exc)
        except Exception as exc:
            self._backlog.put_back()
            self._tell_down(exc)
            if not await self._answers():
                self._fail(exc)
            raise
        else:
            self._backlog.written()
            self._move_on()
        self._come_back()

    async def _answers(self) -> bool:
        """Whether conversations can be read, although nothing can be written."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(self._limits.load_s):
                await self._asked().open()
                return True
        return False

    def _narrow_down(self, error: Exception) -> None:
        """It will not take this: try one by one, and give up on the one that it refuses."""
        if (record := self._backlog.refused()) is not None:
            reason = str(error).partition(":")[0]  # what follows may be what was said
            log.error("store.refused", extra={"reason": reason, "kind": type(record).__name__})
            self._move_on()

    def _move_on(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _fail(self, error: Exception) -> None:
        """Go on in memory."""
        self._tell_down(error)
        self._down = True
        self._up.clear()
        self._tried.set()
        self._wake.set()

    def _tell_down(self, error: Exception) -> None:
        """Said once until it is back."""
        if not self._told_down:
            log.warning("store.down", extra={"reason": str(error) or type(error).__name__})
        self._told_down = True
        self._move_on()

    def _come_back(self) -> None:
        if self._told_down:
            log.info("store.back", extra={"waiting": len(self._backlog), "dropped": self._backlog.dropped})
        self._told_down, self._backlog.dropped = False, 0

    # --- chores

    async def _do_chores(self) -> None:
        while self._limits.days:
            await self._up.wait()
            try:
                async with asyncio.timeout(self._limits.chore_s):
                    gone = await self._asked().forget_before(now_ms() - round(self._limits.days * _DAY_MS))
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
