"""What is remembered of a conversation's earlier messages, in memory and in a database of every make."""

from collections.abc import Sequence

import pytest

from backend.past import headed
from backend.ports import ConversationStore, Message, TurnRef
from backend.store.memory import MemoryStore
from backend.store.schema import conversations
from tests.store.conftest import Place
from tests.store.test_kept import all_written, opened, rows, serving, turn


def said(*numbers: int) -> tuple[Message, ...]:
    return tuple(Message("user" if number % 2 == 0 else "assistant", str(number)) for number in numbers)


async def talk(store: ConversationStore, call: str, *numbers: int) -> None:
    """Say these, two a turn."""
    for at in range(0, len(numbers), 2):
        await store.append("sid-1", said(*numbers[at : at + 2]), turn(at // 2 + 1, call))


async def test_a_summary_stands_in_the_place_of_what_it_holds_also_after_a_restart(place: Place) -> None:
    async with serving(place) as store:
        store.claim("sid-1", turn(0))
        await talk(store, "call-1", *range(8))
        store.fold("sid-1", "他叫小明。", 2, turn(4))
        assert await store.load("sid-1") == headed("他叫小明。", said(6, 7))
    async with serving(place) as store:
        assert await store.load("sid-1") == headed("他叫小明。", said(6, 7))


async def test_what_is_said_after_it_follows_and_the_next_summary_takes_its_place(place: Place) -> None:
    async with serving(place) as store:
        store.claim("sid-1", turn(0))
        await talk(store, "call-1", 0, 1, 2, 3)
        store.fold("sid-1", "one", 2, turn(2))
        await talk(store, "call-1", 4, 5)
        await all_written(store)
        assert await store.load("sid-1") == headed("one", said(2, 3, 4, 5))
        store.fold("sid-1", "two", 0, turn(3))
        await talk(store, "call-1", 6, 7)
        assert await store.load("sid-1") == headed("two", said(6, 7))
    async with opened(place) as db:
        assert await db.load("sid-1", 20) == headed("two", said(6, 7))
        assert await db.load("sid-1", 1) == headed("two", said(7))


async def test_a_reply_of_which_nothing_was_heard_is_none_of_the_newest(place: Place) -> None:
    async with serving(place) as store:
        store.claim("sid-1", turn(0))
        await talk(store, "call-1", 0, 1)
        await store.append("sid-1", said(2), turn(2), "nobody heard this")
        store.fold("sid-1", "one", 1, turn(2))
    async with serving(place) as store:
        assert await store.load("sid-1") == headed("one", said(2))


async def test_another_server_that_took_the_conversation_up_is_not_overruled(place: Place) -> None:
    async with serving(place) as one, serving(place) as other:
        one.claim("sid-1", turn(0, "older"))
        await talk(one, "older", 0, 1, 2, 3)
        await all_written(one)
        other.claim("sid-1", turn(0, "newer"))
        other.fold("sid-1", "the newer's", 2, turn(1, "newer"))
        await all_written(other)
        one.fold("sid-1", "the older's", 0, turn(2, "older"))
        await all_written(one)
        assert await other.load("sid-1") == headed("the newer's", said(2, 3))


async def test_what_was_deleted_does_not_come_back_in_a_summary(place: Place) -> None:
    async with serving(place) as store:
        store.claim("sid-1", turn(0))
        await talk(store, "call-1", 0, 1, 2, 3)
        await store.forget("sid-1")
        store.fold("sid-1", "deleted", 0, turn(2))
        await all_written(store)
        assert await rows(place, conversations) == []
        await talk(store, "call-1", 4, 5)
        store.fold("sid-1", "deleted", 0, turn(3))
        assert await store.load("sid-1") == said(4, 5)
    async with serving(place) as store:
        assert await store.load("sid-1") == said(4, 5)


async def test_what_another_server_deleted_does_not_come_back_either(place: Place) -> None:
    async with serving(place) as one, serving(place) as other:
        one.claim("sid-1", turn(0))
        await talk(one, "call-1", 0, 1)
        await all_written(one)
        await other.forget("sid-1")
        await talk(one, "call-1", 2, 3)
        one.fold("sid-1", "deleted", 0, turn(2))
        await all_written(one)
        assert await other.load("sid-1") == said(2, 3)


async def test_what_no_database_can_keep_is_left_out_of_it(place: Place) -> None:
    async with serving(place) as store:
        store.claim("sid-1", turn(0))
        await talk(store, "call-1", 0, 1)
        store.fold("sid-1", "a\0b\ud800c", 0, turn(1))
    async with serving(place) as store:
        assert await store.load("sid-1") == headed("ab?c", ())


HOLDER = TurnRef("call-1")


@pytest.mark.parametrize(("claimed", "expected"), [(True, headed("one", said(2, 3))), (False, said(*range(4)))])
async def test_memory_keeps_it_for_the_call_that_holds_the_conversation(
    claimed: bool, expected: Sequence[Message]
) -> None:
    store = MemoryStore(20)
    if claimed:
        store.claim("sid-1", HOLDER)
    await talk(store, "call-1", 0, 1, 2, 3)

    store.fold("sid-1", "one", 2, HOLDER)

    assert await store.load("sid-1") == expected


async def test_memory_forgets_it_with_its_conversation() -> None:
    store = MemoryStore(20, max_conversations=1)
    store.claim("sid-1", HOLDER)
    await talk(store, "call-1", 0, 1)
    store.fold("sid-1", "one", 0, HOLDER)
    await store.forget("sid-1")
    await talk(store, "call-1", 2, 3)
    store.fold("sid-1", "deleted", 0, HOLDER)
    assert await store.load("sid-1") == said(2, 3)

    store.claim("sid-1", HOLDER)
    store.fold("sid-1", "two", 0, HOLDER)
    await store.append("another", said(0), HOLDER)
    assert await store.load("sid-1") == ()
