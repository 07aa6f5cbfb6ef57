"""What waits for a call, and for how long the call waits for it."""

import asyncio

from backend.call.moves import HungUp, LineBack, LineCut, Tick
from backend.shell.inbox import Inbox


async def test_events_come_in_their_order_and_those_of_the_beginning_first() -> None:
    inbox = Inbox(4)
    await inbox.put(LineCut())
    inbox.put_now(LineBack())
    inbox.begin_with([Tick()])

    assert [await inbox.get(0) for _ in range(4)] == [Tick(), LineCut(), LineBack(), None]


async def test_who_waits_gets_an_event_as_soon_as_it_is_there() -> None:
    inbox = Inbox(1)
    waiting = asyncio.create_task(inbox.get(60))
    await asyncio.sleep(0)

    await inbox.put(HungUp())

    assert await waiting == HungUp()


async def test_who_waits_in_vain_hears_so_in_time_and_loses_nothing_that_comes_later() -> None:
    inbox = Inbox(1)

    assert await inbox.get(0.01) is None
    await inbox.put(HungUp())
    assert await inbox.get() == HungUp()


async def test_an_event_is_not_lost_with_the_one_who_waited_for_it() -> None:
    inbox = Inbox(1)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    await inbox.put(HungUp())
    waiting.cancel()
    await asyncio.wait([waiting])

    assert await inbox.get(0) == HungUp()


async def test_others_wait_for_room_and_the_server_itself_does_not() -> None:
    inbox = Inbox(1)
    await inbox.put(LineCut())
    late = asyncio.create_task(inbox.put(LineBack()))
    inbox.put_now(Tick())
    await asyncio.sleep(0)
    assert not late.done()

    assert await inbox.get(0) == LineCut()
    await late

    assert [await inbox.get(0) for _ in range(2)] == [Tick(), LineBack()]


async def test_it_tells_whether_the_next_event_is_there() -> None:
    inbox = Inbox(4)
    assert not inbox.has_some
    await inbox.put(LineCut())
    inbox.begin_with([Tick()])

    there = [inbox.has_some]
    for _ in range(2):
        await inbox.get(0)
        there.append(inbox.has_some)

    assert there == [True, True, False]
