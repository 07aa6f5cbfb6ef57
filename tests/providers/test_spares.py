"""Connections opened ahead of sessions: as many as were announced, always young, and none that is spoiled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal, cast, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.errors import ProviderUnavailable
from backend.providers import reserve
from backend.providers.chores import Chores
from backend.providers.reserve import ReserveLimits
from backend.providers.sockets import ServiceSocket, SocketLimits, dial
from backend.providers.spares import Spares
from tests.providers.odd_vendor import Caller, odd_vendor, until

LONG = ReserveLimits(most=4, idle_s=60.0, kept_s=60.0, wait_s=60.0)
SOON_S = 0.05
SOCKETS = SocketLimits(connect_timeout_s=5.0, send_timeout_s=5.0, ping_interval_s=None, ping_timeout_s=5.0)


class House:
    """A service that lets callers lie idle, and the spares that lie there."""

    def __init__(self) -> None:
        self.url = ""
        self.dials = 0
        self.callers: list[Caller] = []
        self.gone = 0
        self.may_dial = asyncio.Event()
        self.may_dial.set()
        self.refuses = 0  # so many dials
        self.chores = Chores()
        self.spares: Spares

    @property
    def open(self) -> int:
        """Connections that are up, as the service sees it."""
        return len(self.callers) - self.gone

    async def talk(self, caller: Caller) -> None:
        self.callers.append(caller)
        try:
            await caller.until_gone()
        finally:
            self.gone += 1

    async def dial(self) -> ServiceSocket:
        self.dials += 1
        await self.may_dial.wait()
        if self.refuses:
            self.refuses -= 1
            raise ProviderUnavailable("asr", "as the test says")
        return await dial("asr", self.url, {}, SOCKETS, lambda _: ProviderUnavailable("asr", "refused"))


@asynccontextmanager
async def house(limits: ReserveLimits = LONG) -> AsyncIterator[House]:
    """Whatever a test does, letting go leaves no connection and no task."""
    it = House()
    async with odd_vendor(it.talk) as it.url:
        others = asyncio.all_tasks()
        it.spares = Spares(it.dial, limits, it.chores)
        yield it
        await it.spares.aclose()
        await it.chores.aclose()
        await until(lambda: not it.open)
        assert not {task for task in asyncio.all_tasks() - others if "House" in repr(task) or "pare" in repr(task)}


async def test_there_are_as_many_spares_as_sessions_were_announced() -> None:
    async with house() as it:
        await asyncio.gather(it.spares.warm(), it.spares.warm())

        assert (it.dials, it.open) == (2, 2)


async def test_there_are_never_more_spares_than_allowed() -> None:
    async with house(replace(LONG, most=2)) as it:
        await asyncio.gather(*(it.spares.warm() for _ in range(5)))

        assert (it.dials, it.open) == (2, 2)


async def test_where_none_are_allowed_nothing_is_dialled() -> None:
    async with house(replace(LONG, most=0)) as it:
        await it.spares.warm()

        assert await it.spares.take() is None
        assert it.dials == 0


async def test_a_spare_serves_once() -> None:
    async with house() as it:
        await it.spares.warm()
        socket = await it.spares.take()
        assert socket is not None
        assert socket.is_open

        assert await it.spares.take() is None
        await socket.close()


async def test_a_taken_spare_is_the_takers_to_read_and_to_close() -> None:
    async with house() as it:
        await it.spares.warm()
        socket = await it.spares.take()
        assert socket is not None
        await it.callers[0].send(b"hello")

        assert await socket.receive() == b"hello"
        await it.spares.aclose()
        assert socket.is_open
        await socket.close()


async def test_a_spare_that_is_under_way_is_waited_for() -> None:
    async with house() as it:
        it.may_dial.clear()
        warming, taking = asyncio.ensure_future(it.spares.warm()), asyncio.ensure_future(it.spares.take())
        await until(lambda: it.dials)
        it.may_dial.set()
        await warming
        socket = await taking

        assert socket is not None
        assert it.dials == 1
        await socket.close()


async def test_a_spare_that_somebody_waits_for_is_not_the_next_session_s() -> None:
    async with house() as it:
        it.may_dial.clear()
        warming, taking = asyncio.ensure_future(it.spares.warm()), asyncio.ensure_future(it.spares.take())
        await until(lambda: it.dials)
        next_one = asyncio.ensure_future(it.spares.warm())
        await until(lambda: it.dials == 2)
        it.may_dial.set()
        await asyncio.gather(warming, next_one)
        sockets = [await taking, await it.spares.take()]

        assert all(sockets)
        await asyncio.gather(*(socket.close() for socket in sockets if socket))


async def test_a_spare_whose_handshake_hangs_is_not_waited_for_long() -> None:
    async with house(replace(LONG, wait_s=0.05)) as it:
        it.may_dial.clear()
        warming = [asyncio.ensure_future(it.spares.warm()) for _ in range(3)]
        await until(lambda: it.dials == 3)

        async with asyncio.timeout(0.14):  # for all three together, not for each
            assert await it.spares.take() is None
        it.may_dial.set()
        await asyncio.wait(warming)
        await until(lambda: it.open == 2)  # one session less is expected


async def test_a_spare_is_replaced_before_it_is_too_old() -> None:
    async with house(replace(LONG, idle_s=0.2)) as it:
        await it.spares.warm()
        for _ in range(3):
            await until(lambda: it.open == 2)  # the one before stays until its successor is there
            await until(lambda: it.open == 1)
        assert len(it.callers) >= 4
        socket = await it.spares.take()

        assert socket is not None
        assert socket.is_open
        await socket.close()


async def test_a_session_that_does_not_come_is_expected_no_longer() -> None:
    async with house(replace(LONG, idle_s=0.1, kept_s=0.15)) as it:
        await it.spares.warm()
        await until(lambda: it.callers)
        await until(lambda: not it.open)

        assert await it.spares.take() is None
        assert it.dials <= 3


async def test_a_spare_that_the_service_closes_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "_HASTY_S", 0.0)
    async with house() as it:
        await it.spares.warm()
        await it.callers[0].connection.close()
        await until(lambda: len(it.callers) == 2)
        socket = await it.spares.take()

        assert socket is not None
        assert socket.is_open
        await socket.close()


async def test_a_spare_that_the_service_closes_at_once_is_not_replaced_for_ever() -> None:
    async with house() as it:
        await it.spares.warm()
        await it.callers[0].connection.close()
        await until(lambda: not it.open)

        assert await it.spares.take() is None
        assert it.dials == 1


async def test_a_spare_on_which_something_came_never_serves() -> None:
    async with house() as it:
        await it.spares.warm()
        await it.callers[0].send("your time is up")
        await until(lambda: not it.open)

        assert await it.spares.take() is None


async def test_a_spare_that_cannot_be_opened_is_not_tried_again_at_once() -> None:
    async with house() as it:
        it.refuses = 1
        await it.spares.warm()

        assert await it.spares.take() is None
        assert it.dials == 1


async def test_a_spare_that_could_not_be_opened_is_tried_again_after_a_rest_while_its_session_is_expected() -> None:
    async with house(replace(LONG, rest_s=SOON_S)) as it:
        it.refuses = 1
        await it.spares.warm()
        await until(lambda: it.open)
        socket = await it.spares.take()

        assert socket is not None
        assert it.dials == 2
        await socket.close()


async def test_whoever_is_cancelled_while_taking_leaves_no_socket_behind() -> None:
    async with house() as it:
        it.may_dial.clear()
        warming, taking = asyncio.ensure_future(it.spares.warm()), asyncio.ensure_future(it.spares.take())
        await until(lambda: it.dials)
        await asyncio.sleep(0)
        taking.cancel()
        it.may_dial.set()
        await asyncio.wait([taking, warming])

        assert await it.spares.take() is None


async def test_whoever_waits_for_a_spare_that_cannot_be_opened_gets_another_that_is_under_way() -> None:
    async with house() as it:
        it.may_dial.clear()
        warming = [asyncio.ensure_future(it.spares.warm()) for _ in range(2)]
        await until(lambda: it.dials == 2)
        taking = asyncio.ensure_future(it.spares.take())
        await asyncio.sleep(0)
        it.refuses = 1
        it.may_dial.set()
        await asyncio.wait(warming)
        socket = await taking

        assert socket is not None
        await socket.close()


async def test_a_spare_that_could_not_be_opened_costs_one_session_and_not_two() -> None:
    async with house(replace(LONG, rest_s=SOON_S)) as it:
        it.refuses = 1
        await asyncio.gather(it.spares.warm(), it.spares.warm())
        first = await it.spares.take()
        await until(lambda: it.open == 2)
        second = await it.spares.take()

        assert first is not None
        assert second is not None
        await asyncio.gather(first.close(), second.close())


async def test_whoever_warms_is_not_left_waiting_when_all_is_let_go_of_in_the_same_moment() -> None:
    async with house() as it:
        warming = asyncio.ensure_future(it.spares.warm())
        await asyncio.sleep(0)
        await it.spares.aclose()
        async with asyncio.timeout(1):
            await warming


async def test_after_letting_go_nothing_is_dialled() -> None:
    async with house() as it:
        await it.spares.aclose()
        await it.spares.warm()

        assert it.dials == 0


class Toy:
    """A socket without a network."""

    def __init__(self) -> None:
        self.is_open = True
        self.news = asyncio.Event()

    async def receive(self) -> bytes:
        await self.news.wait()
        raise ProviderUnavailable("asr", "lost")

    async def close(self) -> None:
        self.is_open = False

    def lose(self) -> None:
        self.is_open = False
        self.news.set()


Step = Literal["warm", "take", "take and leave", "lose one", "answer a dial", "refuse a dial", "let all run"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(get_args(Step)), max_size=30))
@example(["warm", "let all run", "answer a dial", "let all run", "take and leave"])
@example(["warm", "let all run", "answer a dial", "let all run", "lose one", "take"])
def test_whatever_happens_spares_are_few_and_open_and_nobody_shares_one(steps: list[Step]) -> None:
    asyncio.run(_whatever_happens(steps))


async def _whatever_happens(steps: list[Step]) -> None:
    toys: list[Toy] = []
    dials: list[asyncio.Future[Toy]] = []
    takes: list[asyncio.Future[ServiceSocket | None]] = []
    chores = Chores()

    async def a_dial() -> ServiceSocket:
        dials.append(asyncio.get_running_loop().create_future())
        toys.append(await dials[-1])
        return cast(ServiceSocket, toys[-1])

    spares = Spares(a_dial, replace(LONG, most=3), chores)
    warming = []
    for step in steps:
        waiting = [each for each in dials if not each.done()]
        match step:
            case "warm":
                warming.append(asyncio.ensure_future(spares.warm()))
            case "take":
                takes.append(asyncio.ensure_future(spares.take()))
            case "take and leave":
                leaving = asyncio.ensure_future(spares.take())
                await asyncio.sleep(0)
                leaving.cancel()
            case "lose one" if toys:
                toys[0].lose()
            case "answer a dial" if waiting:
                waiting[0].set_result(Toy())
            case "refuse a dial" if waiting:
                waiting[0].set_exception(ProviderUnavailable("asr", "as the test says"))
            case "let all run":
                await _let_all_run()
        assert len(_taken(takes)) == len(set(_taken(takes)))
    for unanswered in (each for each in dials if not each.done()):
        unanswered.set_result(Toy())
    await _let_all_run()
    assert len([toy for toy in toys if toy.is_open and id(toy) not in _taken(takes)]) <= 3
    await spares.aclose()
    await chores.aclose()
    await asyncio.gather(*takes, *warming)
    assert {id(toy) for toy in toys if toy.is_open} <= set(_taken(takes))
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _taken(takes: "list[asyncio.Future[ServiceSocket | None]]") -> list[int]:
    """Which sockets were handed out."""
    return [id(taking.result()) for taking in takes if taking.done() and taking.result() is not None]


async def _let_all_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
