"""Conversations in a database, of every make."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Select, select

from backend.config.database_url import database_url
from backend.expenses import Charge
from backend.ports import Message, TurnBill, TurnRef
from backend.settings import load as load_settings
from backend.store.database import Database
from backend.store.engine import make_engine
from backend.store.kept import KeptStore
from backend.store.records import Billed, Claimed, Said, lines, now_ms
from backend.store.schema import charges, conversations, messages, turns
from backend.store.totals import Total, day_of
from backend.store.vault import KeepLimits
from tests.store.conftest import Place

LIMITS = KeepLimits(linger_s=0, retry_s=0.05, most_retry_s=0.2, load_s=5.0, first_load_s=30.0, flush_s=30.0)
HELLO = (Message("user", "你好，我叫小明"), Message("assistant", "小明你好！😀"))
BILL = TurnBill("answered", "", {"first_audio": 640, "done": 2100}, {"prompt_tokens": 900, "tts_characters": 5})


def turn(number: int, call: str = "call-1") -> TurnRef:
    return TurnRef(call, number)


def database(place: Place) -> Database:
    return Database(load_settings({"DATABASE_URL": place.url}).store.url, "qiao_qingqing")


@asynccontextmanager
async def serving(place: Place, limits: KeepLimits = LIMITS) -> AsyncIterator[KeptStore]:
    """A server's store, from its start to its orderly end."""

    async def vault() -> Database:
        return database(place)

    store = KeptStore(vault, limits)
    store.start()
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Database]:
    db = database(place)
    await db.open()
    yield db
    await db.aclose()


def said(sid: str, at_ms: int) -> Said:
    return Said(sid, turn(1), lines(HELLO, ""), at_ms)


async def all_written(store: KeptStore) -> None:
    async with asyncio.timeout(30):
        await store._behind.all_written()


async def rows(place: Place, table: Any) -> list[dict[str, Any]]:
    return await asked(place, select(table).order_by(*table.primary_key.columns))


async def asked(place: Place, statement: Select[Any]) -> list[dict[str, Any]]:
    """What is in the database, without the code under test."""
    engine = make_engine(database_url(place.url)[1])
    async with engine.connect() as connection:
        found = (await connection.execute(statement)).mappings().all()
    await engine.dispose()
    return [dict(row) for row in found]


async def test_a_conversation_goes_on_after_a_restart(place: Place) -> None:
    async with serving(place) as store:
        await store.append("sid-1", HELLO, turn(1))
    async with serving(place) as store:
        assert await store.load("sid-1") == HELLO
        assert await store.load("SID-1") == ()


async def test_another_server_finds_what_one_has_written(place: Place) -> None:
    async with serving(place) as one, serving(place) as other:
        await one.append("sid-1", HELLO, turn(1))
        await all_written(one)
        assert await other.load("sid-1") == HELLO


async def test_one_reads_at_once_what_one_has_just_said(place: Place) -> None:
    async with serving(place) as store:
        for number in range(1, 8):
            await store.append("sid-1", HELLO, turn(number))
            assert await store.load("sid-1") == HELLO * number


async def test_the_newest_messages_are_loaded_in_the_order_in_which_they_were_said(place: Place) -> None:
    said = [Message("user", str(number)) for number in range(50)]
    async with serving(place) as store:
        for number, message in enumerate(said):
            await store.append("sid-1", [message], turn(number))
    async with serving(place) as store:
        assert await store.load("sid-1") == tuple(said[-20:])


async def test_many_calls_at_once_each_keep_their_own_order(place: Place) -> None:
    async def talk(store: KeptStore, sid: str) -> None:
        for number in range(6):
            await store.append(sid, [Message("user", f"{sid} {number}")], turn(number))
            store.account(sid, turn(number), BILL)
            await asyncio.sleep(0)

    sids = [f"sid-{number}" for number in range(10)]
    async with serving(place) as one, serving(place) as other, asyncio.TaskGroup() as tasks:
        for number, sid in enumerate(sids):
            tasks.create_task(talk(other if number % 2 else one, sid))
        tasks.create_task(talk(one, "shared"))
        tasks.create_task(talk(other, "shared"))
    async with serving(place) as store:
        for sid in sids:
            assert await store.load(sid) == tuple(Message("user", f"{sid} {number}") for number in range(6))
        assert sorted(message.text for message in await store.load("shared")) == sorted(
            f"shared {number}" for number in (*range(6), *range(6))
        )


async def test_what_was_sent_and_what_was_heard_of_it_are_both_kept(place: Place) -> None:
    async with serving(place) as store:
        await store.append("sid-1", (Message("user", "讲"), Message("assistant", "好的，")), turn(1), "好的，我想想。")
        await store.append("sid-1", (Message("user", "停"),), turn(2), "没人听见")
        expected = (Message("user", "讲"), Message("assistant", "好的，"), Message("user", "停"))
        assert await store.load("sid-1") == expected
    async with serving(place) as store:
        assert await store.load("sid-1") == expected
    kept = [(row["turn"], row["role"], row["text"], row["heard"]) for row in await rows(place, messages)]
    assert kept == [
        (1, "user", "讲", None),
        (1, "assistant", "好的，我想想。", "好的，"),
        (2, "user", "停", None),
        (2, "assistant", "没人听见", ""),
    ]


async def test_a_turns_timings_and_usage_are_kept(place: Place) -> None:
    before = now_ms()
    async with serving(place) as store:
        await store.append("sid-1", HELLO, TurnRef("call-1", 1, "sam_whitlock"))
        store.account("sid-1", turn(1), BILL)
        store.account("sid-1", turn(2), replace(BILL, outcome="failed", failure="LLMTimeout", usage={}))

    kept = await rows(place, turns)
    assert [(row["turn"], row["outcome"], row["failure"], row["marks_ms"], row["usage"]) for row in kept] == [
        (1, "answered", "", {"first_audio": 640, "done": 2100}, {"prompt_tokens": 900, "tts_characters": 5}),
        (2, "failed", "LLMTimeout", {"first_audio": 640, "done": 2100}, {}),
    ]
    assert {row["call"] for row in kept} == {"call-1"}
    (conversation,) = await rows(place, conversations)
    assert before <= conversation["began_ms"] <= conversation["last_ms"] <= now_ms()


async def test_the_persona_of_the_last_turn_is_the_conversations(place: Place) -> None:
    async with serving(place) as store:
        await store.append("sid-1", HELLO, TurnRef("call-1", 1, "sam_whitlock"))
        await store.append("sid-2", HELLO, TurnRef("call-2", 1))
    assert [row["persona"] for row in await rows(place, conversations)] == ["sam_whitlock", "qiao_qingqing"]


async def test_what_no_database_can_keep_is_kept_without_it(place: Place) -> None:
    async with serving(place) as store:
        await store.append("sid-1", [Message("user", "a\0b\ud800c")], turn(1))
    async with serving(place) as store:
        assert await store.load("sid-1") == (Message("user", "ab?c"),)


async def test_a_record_that_is_refused_holds_up_no_other(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    refused = TurnRef("call-1", 2**80)  # no integer of any database
    async with serving(place) as store:
        await store.append("sid-1", HELLO, turn(1))
        await store.append("sid-1", [Message("user", "refused")], refused)
        await store.append("sid-2", HELLO, turn(3))
    async with serving(place) as store:
        assert await store.load("sid-1") == HELLO
        assert await store.load("sid-2") == HELLO
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == ["store.refused"]


async def test_what_a_try_wrote_that_seemed_to_fail_is_not_written_twice(place: Place) -> None:
    billed = Billed("sid-1", turn(1), BILL)
    async with opened(place) as db:
        first, second = said("sid-1", at_ms=1000), said("sid-1", at_ms=2000)
        await db.write([first, billed])
        await db.write([first, billed, second], again=True)
        assert await db.load("sid-1", 20) == HELLO * 2
    assert len(await rows(place, turns)) == 1


async def test_the_call_that_claimed_last_holds_the_conversation(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", turn(0, "call-1")), Claimed("sid-2", turn(0, "call-2"))])
        await db.write([Claimed("sid-1", turn(0, "call-3")), said("sid-1", at_ms=2000)])
        assert await db.holders({"sid-1", "sid-2", "unknown"}) == {"sid-1": "call-3", "sid-2": "call-2"}


async def test_a_claim_that_is_written_late_does_not_undo_a_newer_one(place: Place) -> None:
    """As of a server that was without its database while the caller went to another one."""
    late = Claimed("sid-1", turn(0, "call-1"), at_ms=now_ms() - 60_000)
    async with opened(place) as db:
        await db.write([replace(late, at_ms=late.at_ms - 60_000)])
        await db.write([late])
        assert await db.holders({"sid-1"}) == {"sid-1": "call-1"}
        await db.write([Claimed("sid-1", turn(0, "call-2"))])
        await db.write([late, said("sid-1", at_ms=now_ms())], again=True)
        assert await db.holders({"sid-1"}) == {"sid-1": "call-2"}
        await db.write([Claimed("sid-1", turn(0, "call-3"))])
        assert await db.holders({"sid-1"}) == {"sid-1": "call-3"}


async def test_deleting_leaves_nothing(place: Place) -> None:
    async with serving(place) as store:
        await store.append("sid-1", HELLO, turn(1))
        store.account("sid-1", turn(1), BILL)
        await store.append("sid-2", HELLO, turn(1))
        assert await store.forget("sid-1")
        assert await store.load("sid-1") == ()
        assert not await store.forget("sid-1")
    assert {row["sid"] for table in (conversations, messages) for row in await rows(place, table)} == {"sid-2"}
    assert await rows(place, turns) == []


async def test_what_is_older_than_asked_for_is_deleted_and_nothing_else(place: Place) -> None:
    async with opened(place) as db:
        await db.write([said("old", at_ms=1000), said("new", at_ms=2000)])
        assert await db.forget_before(2000) == 1
        assert (await db.load("old", 20), await db.load("new", 20)) == ((), HELLO)


async def test_a_server_deletes_what_nobody_spoke_in_for_so_many_days(place: Place) -> None:
    day_ms = 24 * 3600 * 1000
    async with opened(place) as db:
        await db.write([said("old", at_ms=now_ms() - 3 * day_ms), said("new", at_ms=now_ms() - day_ms)])
        async with serving(place, replace(LIMITS, days=2)), asyncio.timeout(30):
            while await db.load("old", 20):  # noqa: ASYNC110 - what another connection does sets no event here
                await asyncio.sleep(0.01)
        assert await db.load("new", 20) == HELLO


async def test_servers_that_start_at_the_same_time_make_the_tables_once(
    empty: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        for number in range(4):
            store = await stack.enter_async_context(serving(empty))
            await store.append(f"sid-{number}", HELLO, turn(1))

    assert len(await rows(empty, conversations)) == 4
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_call_goes_on_while_the_database_is_away_and_nothing_is_lost(
    stoppable: Place, caplog: pytest.LogCaptureFixture
) -> None:
    assert stoppable.server is not None
    async with serving(stoppable) as store:
        await store.append("sid-1", HELLO, turn(1))
        assert await store.load("sid-1") == HELLO
        stoppable.server.stop()
        try:
            for number in range(2, 5):
                await store.append("sid-1", HELLO, turn(number))
                assert await store.load("sid-1") == HELLO * number
        finally:
            await asyncio.to_thread(stoppable.server.start)
        await all_written(store)
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    async with serving(stoppable) as store:
        assert await store.load("sid-1") == HELLO * 4
    assert warnings == ["store.down"]


async def test_a_server_starts_without_its_database_and_finds_it_later(stoppable: Place) -> None:
    assert stoppable.server is not None
    async with AsyncExitStack() as stack:
        stoppable.server.stop()
        try:
            store = await stack.enter_async_context(serving(stoppable))
            await store.append("sid-1", HELLO, turn(1))
            assert await store.load("sid-1") == HELLO
        finally:
            await asyncio.to_thread(stoppable.server.start)
        await all_written(store)
    assert [row["text"] for row in await rows(stoppable, messages)] == [message.text for message in HELLO]


async def test_what_was_paid_for_is_added_up_by_day_and_stays_when_the_conversation_goes(place: Place) -> None:
    speech = Charge("tts", "cosyvoice-v2", "characters", "reply", False, 30, Decimal("0.006"))
    odd = Charge("llm", "llama3", "input_tokens", "wasted", True, 900, None)
    today = day_of(now_ms())
    async with serving(place) as store:
        await store.append("sid", HELLO, turn(1))
        store.account("sid", turn(1), replace(BILL, charges=(speech, odd)))
        store.charge(TurnRef("call-1"), (speech,))
        waiting = await store.costs("2000-01-01", "2999-12-31")
    async with serving(place) as store:
        assert await store.forget("sid")
        store.account("sid-2", turn(1, "call-2"), replace(BILL, charges=(speech,)))
        totals = await store.costs(min(today, day_of(now_ms())), day_of(now_ms()))
        nothing = await store.costs("2000-01-01", "2000-12-31")

    assert [total.charge.quantity for total in waiting] == [900, 60]
    assert [total.charge for total in totals] == [odd, replace(speech, quantity=90, cny=Decimal("0.018"))]
    assert nothing == ()
    rows = await asked(place, select(charges.c.call, charges.c.turn, charges.c.cny_nano))
    assert sorted((tuple(row.values()) for row in rows), key=str) == [
        ("call-1", 0, 6_000_000),
        ("call-1", 1, 6_000_000),
        ("call-1", 1, None),
        ("call-2", 1, 6_000_000),
    ]


async def test_what_was_paid_for_in_a_conversation_that_is_deleted_before_it_was_written_is_counted(
    place: Place,
) -> None:
    speech = Charge("tts", "cosyvoice-v2", "characters", "reply", False, 30, Decimal("0.006"))
    async with serving(place, replace(LIMITS, linger_s=0.5)) as store:
        await store.load("sid-1")
        store.account("sid-1", turn(1), replace(BILL, charges=(speech,)))
        assert await store.forget("sid-1")
    async with serving(place) as store:
        totals = await store.costs("2000-01-01", "2999-12-31")
    assert [total.charge for total in totals] == [speech]
    assert await rows(place, turns) == []


class Late(Database):
    """Adds up costs when it is let."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def costs(self, first: str, last: str, newest: int) -> tuple[Total, ...]:
        self.asked.set()
        await self.go.wait()
        return await super().costs(first, last, newest)


async def test_what_is_written_while_costs_are_added_up_is_counted_once(place: Place) -> None:
    speech = Charge("tts", "cosyvoice-v2", "characters", "reply", False, 30, Decimal("0.006"))
    late = Late(load_settings({"DATABASE_URL": place.url}).store.url)

    async def vault() -> Late:
        return late

    store = KeptStore(vault, replace(LIMITS, linger_s=0.05))
    store.start()
    for _ in range(2):
        store.charge(TurnRef("call-1"), (speech,))
        late.asked.clear()
        late.go.clear()
        counted = asyncio.create_task(store.costs("2000-01-01", "2999-12-31"))
        await late.asked.wait()
        await all_written(store)
        late.go.set()
        totals = await counted
    await store.aclose()

    assert [total.charge.quantity for total in totals] == [60]
