"""Connections kept ready for requests: enough of them, always young, and no storm on a service that is down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.providers.chat_reserve import ChatReserve
from backend.providers.demand import AT_LAST_S, LATER_S, LEAST
from backend.providers.reserve import ReserveLimits
from tests.support.virtual import virtually

HANDSHAKE_S = 0.1
LIMITS = ReserveLimits(most=8, idle_s=50.0, kept_s=90.0, wait_s=1.0, rest_s=1.0, longest_rest_s=60.0)


class FakeLine:
    """One connection; the service may lose it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True
        self._tell: Callable[[], None] = lambda: None

    def when_lost(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def lose(self) -> None:
        self.is_open = False
        self._tell()

    def close(self) -> None:
        self.is_open = False


class Service:
    """What is dialled, and the reserve of lines to it."""

    def __init__(self, limits: ReserveLimits) -> None:
        self.lines: list[FakeLine] = []
        self.dials: list[float] = []
        self.is_down = False
        self.reserve = ChatReserve(self._dial, limits)

    @property
    def open(self) -> int:
        return sum(line.is_open for line in self.lines)

    async def _dial(self) -> FakeLine | None:
        self.dials.append(asyncio.get_running_loop().time())
        await asyncio.sleep(HANDSHAKE_S)
        if self.is_down:
            return None
        self.lines.append(FakeLine(len(self.lines)))
        return self.lines[-1]


@asynccontextmanager
async def service(limits: ReserveLimits = LIMITS) -> AsyncIterator[Service]:
    """On letting go, nothing stays open but what was taken."""
    it = Service(limits)
    yield it
    await it.reserve.aclose()


def test_whoever_warms_finds_a_line_at_once_and_so_does_a_second_request() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            began = asyncio.get_running_loop().time()
            taken = [await it.reserve.take() for _ in range(LEAST)]

            assert all(taken)
            assert asyncio.get_running_loop().time() == began
            assert await it.reserve.take() is None

    virtually(run())


def test_lines_are_replaced_when_a_request_is_over_and_not_while_it_is_waited_for() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            with it.reserve.in_use():
                await it.reserve.take()
                await asyncio.sleep(10)
            await asyncio.sleep(1)  # its answer is being spoken
            assert len(it.dials) == LEAST
            await asyncio.sleep(2)
            assert (len(it.dials), it.open) == (LEAST + 1, LEAST + 1)

    virtually(run())


def test_lines_are_replaced_however_often_requests_end() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            for _ in range(LEAST):
                await it.reserve.take()
            for _ in range(round(2 * AT_LAST_S / LATER_S) + 2):
                with it.reserve.in_use():
                    pass
                await asyncio.sleep(LATER_S / 2)
            assert (len(it.dials), it.open) == (2 * LEAST, 2 * LEAST)

    virtually(run())


def test_what_a_request_took_is_not_replaced_while_the_next_one_waits_for_its_answer() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            with it.reserve.in_use():
                await it.reserve.take()
            await asyncio.sleep(LATER_S / 2)
            with it.reserve.in_use():
                await asyncio.sleep(2 * LATER_S)
                assert len(it.dials) == LEAST
            await asyncio.sleep(LATER_S + 2 * HANDSHAKE_S)
            assert (len(it.dials), it.open) == (LEAST + 1, LEAST + 1)

    virtually(run())


def test_a_handshake_that_ends_when_nobody_needs_it_any_more_leaves_no_line() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, kept_s=HANDSHAKE_S / 2)) as it:
            await it.reserve.warm()
            assert (len(it.dials), it.open) == (LEAST, 0)

    virtually(run())


def test_what_is_thrown_away_with_a_request_is_replaced_at_once() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            with suppress(asyncio.CancelledError), it.reserve.in_use():
                await it.reserve.take()
                raise asyncio.CancelledError
            await asyncio.sleep(2 * HANDSHAKE_S)
            assert (len(it.dials), it.open) == (LEAST + 1, LEAST + 1)

    virtually(run())


def test_the_more_requests_are_under_way_the_more_are_ready_but_never_more_than_allowed() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, most=5)) as it:
            ready = []
            for users in (0, 8, 100):
                uses = [it.reserve.in_use() for _ in range(users)]
                for use in uses:
                    use.__enter__()
                await it.reserve.warm()
                ready.append(it.open)
                for use in uses:
                    use.__exit__(None, None, None)
            assert ready == [2, 4, 5]

    virtually(run())


def test_where_none_are_allowed_nothing_is_dialled() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, most=0)) as it:
            await it.reserve.warm()
            assert (await it.reserve.take(), it.dials) == (None, [])

    virtually(run())


def test_a_request_waits_for_a_handshake_that_is_under_way_and_not_for_one_that_hangs() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, wait_s=HANDSHAKE_S / 2)) as slow, service() as it:
            for each in (it, slow):
                warming = asyncio.ensure_future(each.reserve.warm())
                await asyncio.sleep(0)
                line = await each.reserve.take()
                assert (line is not None) == (each is it)
                await warming
            assert (len(it.dials), it.open, slow.open) == (LEAST, LEAST, LEAST)

    virtually(run())


def test_a_request_that_is_given_up_while_it_waits_loses_no_line() -> None:
    async def run() -> None:
        async with service() as it:
            warming = asyncio.ensure_future(it.reserve.warm())
            await asyncio.sleep(0)
            takes = [asyncio.ensure_future(it.reserve.take()) for _ in range(LEAST)]
            await asyncio.sleep(HANDSHAKE_S / 2)
            for take in takes:
                take.cancel()
            await warming
            assert [await it.reserve.take() for _ in range(LEAST)] == it.lines[::-1]

    virtually(run())


def test_a_line_has_a_successor_before_it_is_too_old_for_as_long_as_someone_may_come() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            oldest = []
            for _ in range(80):
                await asyncio.sleep(1)
                assert it.open >= LEAST
                oldest.append(min(line.number for line in it.lines if line.is_open))
            assert oldest[-1] > 1  # the first two have gone
            await asyncio.sleep(LIMITS.kept_s)
            assert it.open == 0
            dialled = len(it.dials)
            await asyncio.sleep(1000)
            assert len(it.dials) == dialled

    virtually(run())


def test_a_lost_line_is_replaced_and_never_taken() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            await asyncio.sleep(5)
            for line in it.lines[:LEAST]:
                line.lose()
            await asyncio.sleep(2 * HANDSHAKE_S)
            assert (len(it.dials), it.open) == (2 * LEAST, LEAST)
            assert await it.reserve.take() in it.lines[LEAST:]

    virtually(run())


def test_whoever_waits_when_all_is_let_go_of_waits_no_longer() -> None:
    async def run() -> None:
        async with service() as it:
            warming = asyncio.ensure_future(it.reserve.warm())
            await asyncio.sleep(0)
            taking = asyncio.ensure_future(it.reserve.take())
            await asyncio.sleep(0)
            await it.reserve.aclose()
            began = asyncio.get_running_loop().time()
            assert await taking is None
            await warming
            assert asyncio.get_running_loop().time() == began

    virtually(run())


def test_a_line_that_was_taken_is_its_takers() -> None:
    async def run() -> None:
        async with service() as it:
            await it.reserve.warm()
            line = await it.reserve.take()
            assert line is not None
            await it.reserve.aclose()
            assert line.is_open
            line.lose()  # nothing is opened for it
            assert len(it.dials) == LEAST

    virtually(run())


def test_a_service_that_is_down_is_asked_ever_more_rarely() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, kept_s=600.0)) as it:
            it.is_down = True
            for _ in range(300):  # whatever calls come
                await it.reserve.warm()
                with it.reserve.in_use():
                    assert await it.reserve.take() is None
                await asyncio.sleep(1)
            assert len(it.dials) <= LEAST * 10
            it.is_down = False
            await asyncio.sleep(LIMITS.longest_rest_s + 2 * HANDSHAKE_S)
            assert it.open == LEAST

    virtually(run())


def test_a_service_that_hangs_up_at_once_is_not_stormed_either() -> None:
    async def run() -> None:
        async with service(replace(LIMITS, kept_s=600.0)) as it:
            await it.reserve.warm()
            for _ in range(3000):
                await asyncio.sleep(0.1)
                for line in it.lines:
                    if line.is_open:
                        line.lose()
            assert len(it.dials) <= LEAST * 10

    virtually(run())


steps = st.lists(
    st.tuples(st.sampled_from(["warm", "take", "use", "drop", "lose", "down", "up"]), st.floats(0, 40)), max_size=30
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_there_are_never_too_many_and_none_is_left(todo: list[tuple[str, float]]) -> None:
    async def run() -> None:
        taken = []
        async with service(replace(LIMITS, most=3)) as it:
            for what, pause_s in todo:
                match what:
                    case "warm":
                        await it.reserve.warm()
                    case "take":
                        taken.append(await it.reserve.take())
                    case "use":
                        with it.reserve.in_use():
                            taken.append(await it.reserve.take())
                    case "drop":
                        with suppress(asyncio.CancelledError), it.reserve.in_use():
                            taken.append(await it.reserve.take())
                            raise asyncio.CancelledError
                    case "lose":
                        for line in it.lines:
                            if line.is_open and line not in taken:
                                line.lose()
                    case _:
                        it.is_down = what == "down"
                await asyncio.sleep(pause_s)
                assert sum(line.is_open for line in it.lines if line not in taken) <= 2 * 3
        assert all(line is None or line.is_open for line in taken)
        assert not [line for line in it.lines if line.is_open and line not in taken]

    virtually(run())
