"""How a reply sounds: what the client asks, else the operator's choice, else the card's."""

from pathlib import Path

import pytest

from backend.cast import Cast
from backend.handler import _cast
from backend.persona.shelf import Shelf
from backend.protocol.events import CallConfig
from backend.settings import load
from tests.persona.small import SMALL, write_card

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


@pytest.mark.parametrize(("voice", "name"), [("", "Mei"), ("operators", "Mo")])
def test_an_edit_that_leaves_her_without_a_voice_is_not_taken(tmp_path: Path, voice: str, name: str) -> None:
    path = write_card(tmp_path)
    mute = SMALL.replace("volcengine:", "dashscope:").replace("name: Mei", "name: Mo")
    keys = {"VOLC_API_KEY": "v", "ARK_API_KEY": "a"}
    cast = _cast(load({"PERSONA": str(path), "VOICE_CALL_TTS_VOICE": voice} | keys))
    assert cast.card().name == "Mei"
    path.write_text(mute, encoding="utf-8")

    assert cast.card().name == name
    assert cast.voice(CallConfig()).voice == (voice or "zh_female_example")


@pytest.mark.parametrize(
    ("name", "names"),
    [("乔青青", ("青青", "乔青青")), ("青青", ("青青",)), ("欧阳青青", ("欧阳青青",)), ("Mei", ("Mei",))],
)
def test_friends_leave_the_family_name_out_where_it_is_one(tmp_path: Path, name: str, names: tuple[str, ...]) -> None:
    shelf = Shelf()
    card = shelf.open(str(write_card(tmp_path, SMALL.replace("name: Mei", f"name: {name}"))))

    assert Cast(shelf, card.id, "volcengine", "").names() == names
