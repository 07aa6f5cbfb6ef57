"""How a reply sounds: what the client asks, else the operator's choice, else the card's."""

import pytest

from backend.cast import Cast
from backend.persona.shelf import Shelf
from backend.protocol.events import CallConfig

HERS = "zh_female_shuangkuaisisi_moon_bigtts"


def cast_with(voice: str = "") -> Cast:
    shelf = Shelf()
    return Cast(shelf, shelf.open("qiao_qingqing").id, "volcengine", voice)


def test_a_client_that_asks_for_nothing_hears_her_as_her_card_has_her() -> None:
    options = cast_with().voice(CallConfig())

    assert (options.voice, options.rate, options.volume, options.emotion) == (HERS, 1.05, 1.0, "")


def test_what_a_client_asks_for_takes_the_place_of_the_cards() -> None:
    options = cast_with().voice(CallConfig(speaker="another", speech_rate=0.8, volume=1.5, emotion="happy"))

    assert (options.voice, options.rate, options.volume, options.emotion) == ("another", 0.8, 1.5, "happy")


@pytest.mark.parametrize(("asked", "voice"), [(None, "operators"), ("another", "another")])
def test_the_operators_voice_stands_for_every_cards_but_not_for_the_clients(asked: str | None, voice: str) -> None:
    assert cast_with("operators").voice(CallConfig(speaker=asked)).voice == voice
