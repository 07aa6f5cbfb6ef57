"""Whose a conversation is, in the database and in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.config.database_url import database_url
from backend.ports import Message, TurnRef
from backend.store.database import Database
from backend.store.kept import KeepLimits, KeptStore
from backend.store.memory import MemoryStore
from backend.store.records import Claimed, Said, lines
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


@pytest.mark.parametrize("again", [False, True])
async def test_what_others_say_in_a_conversation_is_not_written(place: Place, again: bool) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN), said(ANN, "mine")], again=again)
        await db.write([Claimed("sid-1", BOB), said(BOB, "his"), said(ANN, "mine too")], again=again)
        await db.write([Claimed("sid-1", NOBODY), said(NOBODY, "nobody's")], again=again)

        assert await db.owner("sid-1") == ANN.owner
        assert [message.text for message in await db.load("sid-1", 10)] == ["mine", "mine too"]
        assert (await db.holders(["sid-1"]))["sid-1"] == "call-1"


async def test_a_conversation_without_an_owner_is_the_first_ones_who_has_a_token(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", NOBODY), said(NOBODY, "before")])
        assert await db.owner("sid-1") == ""
        await db.write([Claimed("sid-1", ANN)])
        await db.write([said(BOB, "his")])

        assert await db.owner("sid-1") == ANN.owner
        assert [message.text for message in await db.load("sid-1", 10)] == ["before"]


async def test_a_conversation_that_was_deleted_under_way_begins_anew_with_its_owner(place: Place) -> None:
    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN)])
        await db.forget("sid-1")
        await db.write([said(ANN, "anew")])

        assert await db.owner("sid-1") == ANN.owner


async def test_a_server_knows_the_owner_that_another_has_written(place: Place) -> None:
    async def vault() -> Database:
        return Database(database_url(place.url)[1])

    async with opened(place) as db:
        await db.write([Claimed("sid-1", ANN)])
    store = KeptStore(vault, KeepLimits(first_load_s=30, load_s=30))
    store.start()
    try:
        assert await store.owner("sid-1") == ANN.owner
        assert await store.owner("sid-2") == ""
        store.claim("sid-2", BOB)
        assert await store.owner("sid-2") == BOB.owner, "before it is written"
    finally:
        await store.aclose()


async def test_in_memory_the_first_owner_stays_and_what_is_forgotten_is_found_by_nobody() -> None:
    store = MemoryStore(20, max_conversations=2)
    store.claim("sid-1", ANN)
    store.claim("sid-1", BOB)
    assert await store.owner("sid-1") == ANN.owner
    await store.append("sid-1", [Message("user", "mine")])

    for sid in ("sid-2", "sid-3"):
        store.claim(sid, BOB)

    assert (await store.owner("sid-1"), await store.load("sid-1")) == ("", ())
