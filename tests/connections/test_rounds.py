"""Sockets that flood are heard only so much at once, all of them together, and each in its turn."""

import asyncio
from collections.abc import Callable

from backend.connections.rounds import Rounds


async def test_all_together_take_so_much_of_one_turn_of_the_loop() -> None:
    rounds, heard = Rounds(most=20), list[str]()

    def floods(name: str) -> Callable[[], int]:
        def take_turn() -> int:
            heard.append(name)
            if len(heard) < 30:
                rounds.wait(take_turn)
            return 8

        return take_turn

    for name in "abcde":
        rounds.wait(floods(name))
    by_turn = []
    while len(heard) < 30:
        before = len(heard)
        await asyncio.sleep(0)
        by_turn.append("".join(heard[before:]))

    assert [turn for turn in by_turn if turn][:5] == ["abc", "dea", "bcd", "eab", "cde"]


async def test_nobody_has_two_turns_of_one() -> None:
    rounds, heard = Rounds(most=100), list[int]()

    def take_turn() -> int:
        heard.append(1)
        if len(heard) < 5:
            rounds.wait(take_turn)
        return 1

    rounds.wait(take_turn)
    await asyncio.sleep(0)
    assert len(heard) <= 1
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(heard) == 5
