"""A client that types too fast is told so; it runs up no bill that outlives it."""

import asyncio

from backend.call.moves import CallEvent, Malformed, Told
from backend.protocol.events import UserText
from backend.shell.inbox import Inbox
from backend.shell.intake import TypingPace
from backend.shell.typed import Typed
from tests.support.virtual import virtually


def told(number: int) -> Told:
    return Told(UserText(f"number {number}"))


async def typed(numbers: int, inbox: Inbox) -> Typed:
    """All of them at once, where two may come so and then one each second."""
    loop = asyncio.get_running_loop()
    typing = Typed(inbox, loop.create_task, TypingPace(per_s=1, at_once=2))
    for number in range(numbers):
        await typing.take(told(number), loop.time())
    return typing


def test_of_those_that_come_too_fast_one_waits_and_the_others_are_refused_at_once() -> None:
    async def play() -> None:
        loop, inbox = asyncio.get_running_loop(), Inbox(10)
        await typed(5, inbox)
        first = [await inbox.get() for _ in range(4)]
        assert loop.time() == 0
        assert first[:2] == [told(0), told(1)]
        assert [isinstance(event, Malformed) and event.fault.code for event in first[2:]] == ["BadEvent"] * 2
        assert await inbox.get() == told(2)
        assert loop.time() == 1

    virtually(play())


def test_one_that_is_refused_costs_no_time() -> None:
    async def play() -> CallEvent:
        loop, inbox = asyncio.get_running_loop(), Inbox(100)
        typing = await typed(50, inbox)
        for _ in range(50):
            await inbox.get()
        await asyncio.sleep(1)
        await typing.take(told(50), loop.time())
        last = await inbox.get()
        assert loop.time() == 2
        assert last is not None
        return last

    assert virtually(play()) == told(50)


def test_when_the_call_is_over_what_waits_is_forgotten() -> None:
    async def play() -> None:
        inbox = Inbox(10)
        (await typed(3, inbox)).stop()
        await asyncio.sleep(60)
        inbox.put_now(told(9))
        assert [await inbox.get() for _ in range(3)] == [told(0), told(1), told(9)]

    virtually(play())
