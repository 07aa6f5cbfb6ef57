"""Whose a conversation is, in the database and in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from backend.config.database_url import database_url
from backend.expenses import Charge
from backend.past import parted
from backend.ports import Message, TurnBill, TurnRef
from backend.store.database import Database
from backend.store.kept import KeptStore
from backend.store.memory import MemoryStore
from backend.store.records import Billed, Claimed, Folded, Said, items, lines
from backend.store.vault import KeepLimits
from tests.store.conftest import Place

ANN, BOB = TurnRef("call-1", 1, None, "ann" * 10), TurnRef("call-2", 1, None, "bob" * 10)
NOBODY = TurnRef("call-3", 1)


def said(ref: TurnRef, text: str) -> Said:
    return Said("sid-1", ref, lines((Message("user", text),), ""))


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Database]:
    db = Database(database_url(place.url)[1])
    try:
        yield db
    finally:
        await db.aclose()


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[KeptStore]:
    async def vault() -> Database:
        return Database(database_url(place.url)[1])

    store = KeptStore(vault, KeepLimits(first_load_s=30, load_s=30))
    store.start()
    try:
        yield store
    finally:
        await store.aclose()


async def heard_by(caller: TurnRef, store: Database | KeptStore | MemoryStore) -> list[str]:
    if isinstance(store, Database):
        return [message.text for message in await store.load("sid-1", 10, caller.owner)]
    return [message.text for message in await store.load("sid-1", caller.owner)]


@pytest.mark.parametrize("again", [False, True])
async def test_what_others_say_in_a_conversation_is_not_written(place: Place, again: bool) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN), said(ANN, "mine")], again=again)
        await db.write([Claimed("sid-1", BOB), said(BOB, "his"), said(ANN, "mine too")], again=again)
        await db.write([Claimed("sid-1", NOBODY), said(NOBODY, "nobody's")], again=again)

        assert await db.owner("sid-1") == ANN.owner
        assert await heard_by(ANN, db) == ["mine", "mine too"]
        assert (await db.holders(["sid-1"]))["sid-1"] == "call-1"


async def test_a_conversation_without_an_owner_is_the_first_ones_who_has_a_token(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", NOBODY), said(NOBODY, "before")])
        assert await db.owner("sid-1") == ""
        await db.write([Claimed("sid-1", ANN)])
        await db.write([said(BOB, "his")])

        assert await db.owner("sid-1") == ANN.owner
        assert await heard_by(ANN, db) == ["before"]


async def test_a_conversation_that_was_deleted_under_way_begins_anew_with_its_owner(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN)])
        await db.forget("sid-1")
        await db.write([said(ANN, "anew")])

        assert await db.owner("sid-1") == ANN.owner


async def test_a_server_knows_the_owner_that_another_has_written(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN)])
    async with serving(place) as store:
        assert await store.owner("sid-1") == ANN.owner
        assert await store.owner("sid-2") == ""
        store.claim("sid-2", BOB)
        assert await store.owner("sid-2") == BOB.owner, "before it is written"


async def test_a_conversation_is_read_and_deleted_by_its_owner_alone(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN), said(ANN, "my secret"), Folded("sid-1", ANN, "her secret", 1)])
        for stranger in (BOB, NOBODY):
            assert await db.load("sid-1", 10, stranger.owner) == ()
            assert not await db.forget("sid-1", stranger.owner)
        assert [message.text for message in parted(await db.load("sid-1", 10, ANN.owner))[1]] == ["my secret"]
        assert await db.forget("sid-1", ANN.owner)


async def test_who_was_let_in_while_the_owner_was_not_known_reads_nothing_and_takes_nothing_away(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN), said(ANN, "my secret")])
    async with serving(place) as store:
        store.claim("sid-1", BOB)
        await store.append("sid-1", (Message("user", "his"),), BOB)
        assert "my secret" not in await heard_by(BOB, store)
        await store.forget("sid-1", BOB.owner)

        store.claim("sid-1", ANN)
        await store.append("sid-1", (Message("user", "hello again"),), ANN)
        assert await heard_by(ANN, store) == ["my secret", "hello again"]
    async with opened(place) as db:
        assert await heard_by(ANN, db) == ["my secret", "hello again"]


async def test_of_two_who_begin_a_conversation_at_once_the_first_has_it(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN), Claimed("sid-1", BOB), said(ANN, "mine"), said(BOB, "his")])

        assert await heard_by(ANN, db) == ["mine"]
        assert (await db.holders(["sid-1"]))["sid-1"] == "call-1"


async def test_what_was_paid_for_in_a_conversation_of_somebody_elses_is_counted(place: Place) -> None:
    speech = Charge("tts", "cosyvoice-v2", "characters", "reply", False, 30, Decimal("0.006"))
    bill = TurnBill("answered", "", {}, {}, (speech,))
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN)])
        await db.write([said(BOB, "his"), Billed("sid-1", BOB, bill, items(bill.charges))])

        assert [total.charge for total in await db.costs("2000-01-01", "2999-12-31", await db.newest_charge())] == [
            speech
        ]


async def test_in_memory_the_first_owner_stays_and_what_is_forgotten_is_found_by_nobody() -> None:
    store = MemoryStore(20, max_conversations=2)
    store.claim("sid-1", ANN)
    store.claim("sid-1", BOB)
    assert await store.owner("sid-1") == ANN.owner
    await store.append("sid-1", [Message("user", "mine")])
    assert (await heard_by(BOB, store), await heard_by(ANN, store)) == ([], ["mine"])
    assert not await store.forget("sid-1", BOB.owner)

    for sid in ("sid-2", "sid-3"):
        store.claim(sid, BOB)

    assert (await store.owner("sid-1"), await store.load("sid-1")) == ("", ())
