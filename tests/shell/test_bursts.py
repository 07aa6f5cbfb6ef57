"""A model that has sent a long answer at once leaves the other calls their turn."""

import asyncio
import itertools
import time

from backend.give_way import AT_ONCE
from backend.marks import TurnMarks
from backend.ports import SpeechOptions
from backend.turn import Reply, Turn, TurnLimits
from tests.support.fakes import FakeModel, FakeSynthesizer


class Silent:
    """A listener that minds nothing."""

    async def say(self, sentence: str) -> None:
        """Nothing."""

    async def show(self, text: str) -> bool:
        return True

    async def sound(self, data: bytes, ms: float) -> None:
        """Nothing."""


async def test_others_have_their_turn_within_an_answer_that_came_at_once() -> None:
    turn = Turn(
        FakeModel([["啊"] * 200]),
        FakeSynthesizer(),
        Silent(),
        TurnMarks(0.0, time.monotonic),
        TurnLimits(first_chars=500, later_chars=500),
    )
    thinking = asyncio.create_task(turn._think(Reply((), SpeechOptions("v"), "stream")))
    seen = [0]
    while not thinking.done():
        await asyncio.sleep(0)
        seen.append(turn.tokens)

    assert turn.tokens == 200
    assert max(after - before for before, after in itertools.pairwise(seen)) <= AT_ONCE
