import asyncio
import gc
import weakref

from backend.give_way import give_way


async def _work(name: str, pieces: int, done: list[str]) -> None:
    for _ in range(pieces):
        await give_way()
        done.append(name)


async def test_of_those_who_give_way_one_goes_on_in_each_round_of_the_loop() -> None:
    done, rounds = list[str](), list[int]()

    async def look() -> None:
        while len(done) < 60:
            before = len(done)
            await asyncio.sleep(0)
            rounds.append(len(done) - before)

    await asyncio.gather(look(), *(_work(f"{number}", 3, done) for number in range(20)))

    assert max(rounds) == 1


async def test_they_go_on_in_the_order_in_which_they_came() -> None:
    done = list[str]()

    await asyncio.gather(*(_work(name, 2, done) for name in "abc"))

    assert done == list("abcabc")


async def test_who_is_cancelled_while_it_waits_holds_nobody_up() -> None:
    done = list[str]()
    tasks = [asyncio.create_task(_work(name, 1, done)) for name in "abcde"]
    await asyncio.sleep(0)
    for index in (0, 2, 4):
        tasks[index].cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5):
        await give_way()

    assert done == ["b", "d"]


def test_every_loop_has_a_queue_of_its_own_that_goes_with_it() -> None:
    for _ in range(2):
        done = list[str]()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_work("a", 1, done))
        loop.close()
        there = weakref.ref(loop)
        del loop
        gc.collect()
        assert done == ["a"]
        assert there() is None
