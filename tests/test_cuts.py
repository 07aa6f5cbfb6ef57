"""Whatever breaks, and whenever: the frames that arrive are those of a call that was never cut, byte for byte."""

import asyncio
import os
import random

import pytest

from backend.protocol.events import CallConfig
from tests.support.cuts import STREAMED, Tally, exchange, talk
from tests.support.fakes import FakeModel
from tests.support.real_cuts import REPLY, Talker, ToneSynthesizer
from tests.support.switchboard import Switchboard, answering
from tests.support.virtual import virtually

CUTS = int(os.environ.get("SOAK_CUTS", "60"))
TURNS = 3
AT_ONCE = 4
CONFIGS = {
    "streamed": STREAMED,
    "whole sentences": CallConfig(),
    "bare of numbers": CallConfig(delivery="stream", audio_format="pcm"),
}


async def frames_of(config: CallConfig, chance: random.Random | None, tally: Tally) -> list[bytes]:
    async with exchange(config) as ex:
        return await talk(ex, TURNS, chance, tally)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_nothing_comes_twice_and_nothing_is_lost_however_often_the_line_is_cut(config: CallConfig) -> None:
    whole = virtually(frames_of(config, None, Tally()))
    tally, seed = Tally(), 0
    while tally.cuts < CUTS / len(CONFIGS):
        assert virtually(frames_of(config, random.Random(seed), tally)) == whole, f"seed {seed}"
        seed += 1

    assert tally.missed
    assert tally.unnoticed
    if os.environ.get("SOAK_CUTS"):
        print(f"{seed} calls, {tally}")


async def test_nor_over_real_sockets_however_often_they_are_reset() -> None:
    board = Switchboard(model=FakeModel([REPLY] * 10_000), synthesizer=ToneSynthesizer())
    tally, calls = Tally(), 0
    async with answering(board):
        whole = await Talker(board.url, "whole").talk(1, None, tally)
        while tally.cuts < CUTS / 4:
            talkers = [Talker(board.url, f"sid-{calls + n}") for n in range(AT_ONCE)]
            seeds = (random.Random(calls + n) for n in range(AT_ONCE))
            each = zip(talkers, seeds, strict=True)
            came = await asyncio.gather(*(talker.talk(1, chance, tally) for talker, chance in each))
            assert came == [whole] * AT_ONCE, f"seeds {calls} to {calls + AT_ONCE - 1}"
            calls += AT_ONCE
    if os.environ.get("SOAK_CUTS"):
        print(f"{calls} calls over real sockets, {tally}")
