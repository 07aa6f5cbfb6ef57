"""One call for a whole day: memory stays where it was, and the last question is answered as the first. Virtual time."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType

import pytest

from tests.soak.life import Life
from tests.support.virtual import virtually

HOURS = float(os.environ.get("SOAK_HOURS", "0.3"))
"""`make soak` asks for a day."""
READINGS = 16
MAY_GROW_BYTES = 30_000
MAY_GROW_OBJECTS = 1000
"""In three quarters of the time, however long that is: the call's bytes, the process's objects."""
_NOT_ITS_OWN = (type, ModuleType, FunctionType, CodeType, asyncio.AbstractEventLoop, logging.Logger, Life)


@dataclass
class Day(Life):
    """A caller who stays."""

    turns: int = 10**9
    stays: bool = True
    readings: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)

    def _wants_more(self) -> bool:
        part = asyncio.get_running_loop().time() / (HOURS * 3600)
        if part * READINGS >= len(self.readings) + 1 and self.judge.is_idle:
            gc.collect()
            self.readings.append(held_bytes(self.session))
            self.objects.append(len(gc.get_objects()))
        return part < 1


def held_bytes(root: object) -> int:
    """The size of all that hangs on it, but for code and what belongs to the process."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, _NOT_ITS_OWN):
            seen.add(id(thing))
            total += sys.getsizeof(thing)
            waiting += gc.get_referents(thing)
    return total


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A record of an error keeps everything alive."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_call_of_a_day_grows_no_further_and_still_answers() -> None:
    day = Day("a day")

    virtually(day.live())

    judge, quarter = day.judge, len(day.readings) // 4
    print(f"\n{HOURS:g} h: {judge.turns} turns, {judge.answered} with sound, {judge.interrupted} interrupted;", end=" ")
    print(f"{day.readings[quarter] / 1e3:.0f} kB after a quarter, {day.readings[-1] / 1e3:.0f} kB at the end")
    assert day.proved
    assert judge.turns > 100 * HOURS
    assert max(day.objects[-quarter:]) - max(day.objects[quarter : 2 * quarter]) < MAY_GROW_OBJECTS
    assert max(day.readings[-quarter:]) - max(day.readings[quarter : 2 * quarter]) < MAY_GROW_BYTES
