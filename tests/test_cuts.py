"""Whatever breaks, and whenever: the frames that arrive are those of a call that was never cut, byte for byte."""

import os
import random

import pytest

from backend.protocol.events import CallConfig
from tests.support.cuts import STREAMED, Tally, exchange, talk
from tests.support.virtual import virtually

CUTS = int(os.environ.get("SOAK_CUTS", "60"))
TURNS = 3
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
