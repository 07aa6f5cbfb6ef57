"""Writing behind the calls' backs, with a database that does what a test wants."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from backend.errors import ConfigError, StoreError, StoreRefusedError
from backend.ports import Message, TurnBill, TurnRef
from backend.settings import StoreSettings
from backend.store import opening
from backend.store.kept import KeptStore
from backend.store.memory import MemoryStore
from backend.store.records import Record, Said
from backend.store.totals import Total
from backend.store.vault import KeepLimits
from backend.store.voice_memory import VoiceMemory
from backend.store.voice_rows import VoicePlace

LIMITS = KeepLimits(linger_s=0, retry_s=0, most_retry_s=0, load_s=0.05, first_load_s=5, write_s=5, flush_s=0.05)
HELLO = (Message("user", "你好"), Message("assistant", "嗯。"))


@dataclass
class FakeVault:
    """A database that is up or down, or answers when it is let."""

    down: bool = False
    read_only: bool = False
    refuses: str = ""
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[Record] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)
    opened: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    tried: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    voices: VoicePlace = field(default_factory=VoiceMemory)
    slow: asyncio.Event = field(default_factory=asyncio.Event)
    writes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def __post_init__(self) -> None:
        self.answers.set()

    async def open(self) -> None:
        await self._work()
        self.opened.release()

    async def load(self, sid: str, most: int, owner: str = "") -> tuple[Message, ...]:
        await self._work()
        there = [record for record in self.written if isinstance(record, Said) and record.sid == sid]
        return tuple(line.message for record in there for line in record.lines)[-most:]

    async def write(self, records: Sequence[Record], *, again: bool) -> None:
        self.again.append(again)
        self.writes.release()
        await self._work()
        if self.read_only:
            raise StoreError("ReadOnlySQLTransactionError: cannot execute INSERT in a read-only transaction")
        if self.refuses and self.refuses in texts(records):
            raise StoreRefusedError("DataError: too much of it")
        self.written += records

    async def owner(self, sid: str) -> str:
        if sid == "slow":
            await self.slow.wait()
        return ""

    async def holders(self, sids: object) -> dict[str, str]:
        await self._work()
        return {"sid-1": "call-9"}

    async def newest_charge(self) -> int:
        return 0

    async def costs(self, first: str, last: str, newest: int) -> tuple[Total, ...]:
        await self.slow.wait()
        return ()

    async def forget(self, sid: str, owner: str = "") -> bool:
        await self._work()
        before = len(self.written)
        self.written = [record for record in self.written if record.sid != sid]
        return len(self.written) < before

    async def forget_before(self, time_ms: int) -> int:
        raise AssertionError("nothing was to be deleted")

    async def aclose(self) -> None:
        pass

    async def _work(self) -> None:
        self.tried.release()
        await self.answers.wait()
        if self.down:
            raise StoreError("ConnectionRefusedError: nobody is there")


@asynccontextmanager
async def keeping(vault: FakeVault, limits: KeepLimits = LIMITS) -> AsyncIterator[KeptStore]:
    async def make() -> FakeVault:
        return vault

    store = KeptStore(make, limits)
    store.start()
    try:
        yield store
    finally:
        await store.aclose()


async def all_written(store: KeptStore) -> None:
    async with asyncio.timeout(5):
        await store._behind.all_written()


def texts(records: Sequence[Record]) -> list[str]:
    return [line.message.text for record in records if isinstance(record, Said) for line in record.lines]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_turn_hands_over_what_was_said_without_giving_up_control_once() -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        vault.answers.clear()
        for work in (store.append("sid-1", HELLO), store.append("sid-1", HELLO)):
            with pytest.raises(StopIteration):
                work.send(None)  # a coroutine that awaited anything would be suspended here instead
        store.account("sid-1", TurnRef("call-1", 1), TurnBill("answered", "", {}, {}))
        store.claim("sid-1", TurnRef("call-1"))
        assert vault.written == []
        vault.answers.set()
        await all_written(store)
    assert len(vault.written) == 4


async def test_a_database_that_is_slow_does_not_hold_up_a_call_that_begins(caplog: pytest.LogCaptureFixture) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await store.append("sid-1", HELLO)
        await all_written(store)
        vault.answers.clear()
        async with asyncio.timeout(5):
            assert await store.load("sid-1") == HELLO
            assert await store.load("sid-1") == HELLO
        vault.answers.set()
    assert warnings(caplog) == ["store.down"]


async def test_a_call_that_begins_while_much_is_written_does_not_take_the_database_for_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await vault.opened.acquire()
        vault.answers.clear()
        await store.append("sid-1", (Message("user", "嗨"),))
        await vault.writes.acquire()
        assert await store.load("sid-1") == (Message("user", "嗨"),)
        assert store.state == "up"
        vault.answers.set()
        await all_written(store)
    assert warnings(caplog) == []


async def test_a_report_holds_up_neither_a_call_that_begins_nor_what_is_written() -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await vault.opened.acquire()
        report = asyncio.create_task(store.costs("2026-01-01", "2026-12-31"))
        await store.append("sid-1", HELLO)
        await all_written(store)
        assert await store.load("sid-1") == HELLO
        assert not report.done()
        vault.slow.set()
        assert await report == ()


@pytest.mark.parametrize(("others", "state"), [(1, "up"), (0, "down")])
async def test_a_question_that_is_not_answered_says_that_the_database_is_down_unless_others_are(
    others: int, state: str
) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await vault.opened.acquire()
        asked = asyncio.create_task(store.owner("slow"))
        await asyncio.sleep(0)
        for _ in range(others):
            await store.owner("sid-1")
        vault.down = True  # it does not come back by itself
        assert await asked == ""
        assert store.state == state


async def test_a_call_that_begins_with_the_server_waits_for_the_database_a_little_longer() -> None:
    vault = FakeVault(written=[])
    vault.answers.clear()
    async with keeping(vault) as store:
        loading = asyncio.create_task(store.load("sid-1"))
        await vault.tried.acquire()
        await store.append("sid-1", HELLO)
        await asyncio.sleep(2 * LIMITS.load_s)
        assert not loading.done()
        vault.answers.set()
        assert await loading == HELLO


async def test_an_outage_is_said_once_and_made_good_in_order(caplog: pytest.LogCaptureFixture) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await store.append("sid-1", [Message("user", "0")])
        await all_written(store)
        await vault.writes.acquire()
        vault.down = True
        for number in range(1, 4):
            await store.append("sid-1", [Message("user", str(number))])
            if number == 1:
                await vault.writes.acquire()
            assert [message.text for message in await store.load("sid-1")] == list("0123")[: number + 1]
        vault.down = False
        await all_written(store)
    assert texts(vault.written) == ["0", "1", "2", "3"]
    assert vault.again == [False, False, True], "what may have been written is looked for before it is written again"
    assert warnings(caplog) == ["store.down"]


async def test_a_database_that_only_gives_is_down_and_nothing_is_dropped_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await store.append("sid-1", [Message("user", "0")])
        await all_written(store)
        vault.read_only = True
        for number in range(1, 6):
            await store.append("sid-1", [Message("user", str(number))])
        for _ in range(3 * LIMITS.tries):
            await vault.writes.acquire()
        assert store.state == "down"
        assert [message.text for message in await store.load("sid-1")] == list("012345"), "it can still be asked"
        vault.read_only = False
        await all_written(store)
        assert store.state == "up"
    assert texts(vault.written) == list("012345")
    assert warnings(caplog) == ["store.down"]


async def test_what_it_refuses_for_what_it_is_holds_up_no_other_and_is_no_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vault = FakeVault(refuses="2")
    async with keeping(vault) as store:
        for number in range(5):
            await store.append("sid-1", [Message("user", str(number))])
        await all_written(store)
        assert store.state == "up"
    assert texts(vault.written) == list("0134")
    assert warnings(caplog) == ["store.refused"]


async def test_what_waits_is_bounded_and_the_newest_is_kept() -> None:
    vault = FakeVault(down=True)
    async with keeping(vault, KeepLimits(linger_s=0, retry_s=0, most_retry_s=0, pending=3)) as store:
        for number in range(10):
            await store.append("sid-1", [Message("user", str(number))])
        vault.down = False
        await all_written(store)
    assert texts(vault.written) == ["7", "8", "9"]


async def test_the_end_of_the_server_waits_for_what_is_unwritten_but_not_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await store.append("sid-1", HELLO)
    assert texts(vault.written) == ["你好", "嗯。"]
    async with asyncio.timeout(5), keeping(vault) as store:
        await vault.opened.acquire()
        vault.answers.clear()
        await store.append("sid-1", HELLO)
    assert warnings(caplog) == ["store.lost"]


async def test_deleting_takes_what_waits_with_it() -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await store.append("sid-1", HELLO)
        await all_written(store)
        vault.answers.clear()
        await store.append("sid-1", HELLO)
        await store.append("sid-2", HELLO)
        deleting = asyncio.create_task(store.forget("sid-1"))
        await asyncio.sleep(0)
        vault.answers.set()
        assert await deleting
        assert await store.load("sid-1") == ()
        await all_written(store)
    assert {record.sid for record in vault.written} == {"sid-2"}


async def test_deleting_from_a_database_that_is_away_says_so() -> None:
    vault = FakeVault(down=True)
    async with keeping(vault) as store:
        with pytest.raises(StoreError):
            await store.forget("sid-1")


async def test_nobody_loses_a_conversation_to_a_claim_that_waits_or_a_database_that_is_away() -> None:
    vault = FakeVault()
    async with keeping(vault) as store:
        await vault.opened.acquire()
        assert await store.holders(["sid-1"]) == {"sid-1": "call-9"}
        vault.answers.clear()
        store.claim("sid-1", TurnRef("call-1"))
        assert await store.holders(["sid-1"]) == {}
        vault.down = True
        vault.answers.set()
        await store.load("sid-2")
        assert await store.holders(["sid-2"]) == {}


def test_memory_is_a_choice_and_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(opening.open_store(StoreSettings("memory", "", 0), 20, ""), MemoryStore)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="asyncpg"):
        opening.open_store(StoreSettings("postgresql", "postgresql+asyncpg://h/d", 0), 20, "")
