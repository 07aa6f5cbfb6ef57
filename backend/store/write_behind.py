"""What is written to the database behind the calls' backs, and how the database stands meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from backend.errors import StoreError, StoreRefusedError
from backend.store.backlog import Backlog
from backend.store.records import Folded, Record, Said
from backend.store.vault import KeepLimits, Vault

log = logging.getLogger(__name__)


class WriteBehind:
    """Connects to the database, again and again if need be, and writes to it what has been added, in order.

    Attributes:
        backlog: what is not written yet.
        is_down: nothing can be read.
        told_down: it is down, or takes nothing, and people were told.
        tried: whether it is up or down is known.
        up: it is connected.
        one_at_a_time: to be held by whoever asks what has to fit what waits.

    Args:
        vault: makes the database's client; awaited once the server is up, as it may import a lot.
    """

    def __init__(self, vault: Callable[[], Awaitable[Vault]], limits: KeepLimits) -> None:
        self._make_vault = vault
        self._limits = limits
        self._vault: Vault | None = None
        self.backlog = Backlog(limits.pending, limits.batch, limits.tries)
        self.is_down = False
        self.told_down = False
        self.up = asyncio.Event()
        self.tried = asyncio.Event()
        self.one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._moved = asyncio.Event()  # since someone last waited for it, a batch was written, or all was given up

    def add(self, record: Record) -> None:
        """Write it as soon as may be."""
        self.backlog.add(record)
        self._written.clear()
        self._wake.set()

    @property
    def vault(self) -> Vault:
        """The database.

        Raises:
            StoreError: it is not there.
        """
        if self._vault is None or self.is_down:
            raise StoreError("the database is not there")
        return self._vault

    def fail(self, error: Exception) -> None:
        """It does not answer: nothing is asked of it until it can be connected to again."""
        self._tell_down(error)
        self.is_down = True
        self.up.clear()
        self.tried.set()
        self._wake.set()

    async def all_written(self) -> None:
        """Wait until nothing waits."""
        await self._written.wait()

    async def settled(self, sid: str) -> None:
        """Wait until what was said in this conversation is written; no longer once it is known that it will not be."""
        while not self.told_down and self._waits(sid):
            await self._moved.wait()

    async def run(self) -> None:
        """Write, until cancelled."""
        retry_s = self._limits.retry_s
        while True:
            try:
                await self._write_on()
                retry_s = self._limits.retry_s
            except (StoreError, TimeoutError) as exc:
                if not self.up.is_set():
                    self.fail(exc)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, self._limits.most_retry_s)
            except Exception as exc:
                log.exception("store.crashed")
                self.fail(exc)
                await asyncio.sleep(self._limits.most_retry_s)

    async def aclose(self) -> None:
        """Let go of the database, once `run` has ended."""
        if self._vault is not None:
            await self._vault.aclose()

    # --- writing

    def _waits(self, sid: str) -> bool:
        return any(isinstance(record, Said | Folded) and record.sid == sid for record in self.backlog)

    async def _write_on(self) -> None:
        if not self.up.is_set():
            await self._open()
        await self._wake.wait()
        await asyncio.sleep(self._limits.linger_s)
        if self.up.is_set():  # a call that could not load may have found it down
            await self._write_some()
        if self.backlog.refusals > 1:
            await asyncio.sleep(self._limits.retry_s)

    async def _open(self) -> None:
        if self._vault is None:
            self._vault = await self._make_vault()
        async with asyncio.timeout(self._limits.open_s):
            await self._vault.open()
        self.is_down = False
        self.up.set()
        self.tried.set()
        if not self.backlog:  # else it has to take something first: it may be for reading only
            self._come_back()

    async def _write_some(self) -> None:
        async with self.one_at_a_time:
            if self.backlog:
                await self._write_batch(self.backlog.take())
            if not self.backlog:
                self._wake.clear()
                self._written.set()

    async def _write_batch(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self.vault.write(records, again=self.backlog.may_be_written)
        except StoreRefusedError as exc:
            self._narrow_down(exc)
        except Exception as exc:
            self.backlog.put_back()
            self._tell_down(exc)
            if not await self._answers():
                self.fail(exc)
            raise
        else:
            self.backlog.written()
            self._move_on()
        self._come_back()

    async def _answers(self) -> bool:
        """Whether conversations can be read, although nothing can be written."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(self._limits.load_s):
                await self.vault.open()
                return True
        return False

    def _narrow_down(self, error: Exception) -> None:
        """It will not take this: try one by one, and give up on the one that it refuses."""
        if (record := self.backlog.refused()) is not None:
            reason = str(error).partition(":")[0]  # what follows may be what was said
            log.error("store.refused", extra={"reason": reason, "kind": type(record).__name__})
            self._move_on()

    # --- how it stands

    def _move_on(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _tell_down(self, error: Exception) -> None:
        """Said once until it is back."""
        if not self.told_down:
            log.warning("store.down", extra={"reason": str(error) or type(error).__name__})
        self.told_down = True
        self._move_on()

    def _come_back(self) -> None:
        if self.told_down:
            log.info("store.back", extra={"waiting": len(self.backlog), "dropped": self.backlog.dropped})
        self.told_down, self.backlog.dropped = False, 0
