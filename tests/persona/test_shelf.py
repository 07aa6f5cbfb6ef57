"""Cards are found by id or path, and follow their files."""

import logging
import os
from pathlib import Path

import pytest

from backend.errors import CardError
from backend.persona import Shelf
from tests.persona.small import SMALL, write_card

LAN = SMALL.replace("id: mei", "id: lan").replace("name: Mei", "name: Lan")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cards = tmp_path / "cards"
    cards.mkdir()
    write_card(cards)
    return cards


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    return Shelf(folder, avatars=folder)


def rewrite(path: Path, text: str) -> None:
    """Write, and make sure that the time stamp differs, however coarse the file system's clock."""
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def test_a_card_is_found_by_id(shelf: Shelf) -> None:
    assert shelf.open("mei").name == "Mei"


def test_a_card_is_found_by_path_and_then_known_by_id(shelf: Shelf, tmp_path: Path) -> None:
    path = write_card(tmp_path, LAN, "any_name")

    assert shelf.open(str(path)).name == "Lan"
    assert shelf.current("lan").name == "Lan"
    assert [card.id for card in shelf.all()] == ["lan", "mei"]


def test_an_unknown_card_is_refused_with_a_hint(shelf: Shelf) -> None:
    with pytest.raises(CardError, match=r"^mai: card: no such card; did you mean mei\?"):
        shelf.open("mai")
    with pytest.raises(CardError, match="there are mei"):
        shelf.current("x")
    assert not shelf.has("x")


def test_a_card_of_the_folder_is_named_as_its_file(shelf: Shelf, folder: Path) -> None:
    write_card(folder, SMALL, "other")

    with pytest.raises(CardError, match=r"^other.yaml: id: must be other"):
        shelf.open("other")


def test_a_changed_card_is_read_on_the_next_turn(shelf: Shelf, folder: Path) -> None:
    shelf.open("mei")

    rewrite(folder / "mei.yaml", SMALL.replace("name: Mei", "name: May"))

    assert shelf.current("mei").name == "May"


def test_an_unchanged_card_is_not_read_again(shelf: Shelf) -> None:
    assert shelf.current("mei") is shelf.current("mei")


def test_a_card_that_breaks_stays_as_it_was_and_is_logged_once(
    shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = shelf.open("mei")
    rewrite(folder / "mei.yaml", SMALL.replace("name: Mei\n", ""))

    with caplog.at_level(logging.WARNING):
        found = [shelf.current("mei") for _ in range(3)]

    assert found == [before] * 3
    assert [record.__dict__["reason"] for record in caplog.records] == ["mei.yaml: name: missing"]


def test_a_card_that_loses_the_voice_that_is_to_speak_stays_as_it_was(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(folder, avatars=folder, check=lambda card: card.voice_for("volcengine"))
    write_card(folder, LAN.replace("volcengine:", "dashscope:"), "lan")
    before = shelf.open("mei")
    rewrite(folder / "mei.yaml", SMALL.replace("volcengine:", "dashscope:"))

    assert shelf.current("mei") == before
    assert "voice.volcengine: missing" in caplog.records[0].__dict__["reason"]
    assert not shelf.has("lan")
    with pytest.raises(CardError, match=r"voice\.volcengine: missing"):
        shelf.open("lan")


def test_each_change_that_breaks_a_card_is_logged(shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    shelf.open("mei")
    for broken in ("name: 1", "name: 2"):
        rewrite(folder / "mei.yaml", SMALL.replace("name: Mei", broken))
        shelf.current("mei")

    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_a_mended_card_is_read(shelf: Shelf, folder: Path) -> None:
    shelf.open("mei")
    rewrite(folder / "mei.yaml", "{")
    shelf.current("mei")
    rewrite(folder / "mei.yaml", SMALL.replace("name: Mei", "name: May"))

    assert shelf.current("mei").name == "May"


def test_a_card_that_changes_its_id_or_goes_away_stays_as_it_was(shelf: Shelf, folder: Path) -> None:
    before = shelf.open("mei")
    rewrite(folder / "mei.yaml", LAN)
    assert shelf.current("mei") == before

    (folder / "mei.yaml").unlink()
    assert shelf.current("mei") == before


def test_all_leaves_broken_cards_out(shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_card(folder, "{", "broken")

    assert [card.id for card in shelf.all()] == ["mei"]
    assert [card.id for card in shelf.all()] == ["mei"]
    assert len(caplog.records) == 1
    assert not shelf.has("broken")


def test_a_card_put_into_the_folder_is_found(shelf: Shelf, folder: Path) -> None:
    shelf.open("mei")
    write_card(folder, LAN, "lan")

    assert shelf.current("lan").name == "Lan"


def test_a_picture_beside_the_card_wins(folder: Path, tmp_path: Path) -> None:
    common = tmp_path / "avatars"
    common.mkdir()
    (common / "mei.svg").write_text("<svg/>")
    shelf = Shelf(folder, avatars=common)

    assert shelf.avatar("mei") == folder / "mei.svg"
    (folder / "mei.svg").unlink()
    assert shelf.avatar("mei") == common / "mei.svg"
    (common / "mei.svg").unlink()
    with pytest.raises(CardError, match=r"avatar: there is no mei.svg any more"):
        shelf.avatar("mei")


def test_a_card_that_was_never_whole_is_read_once_and_its_fault_told_each_time(
    shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_card(folder, SMALL.replace("name: Mei\n", ""), "broken")

    for _ in range(3):
        with pytest.raises(CardError, match=r"^broken.yaml: name: missing"):
            shelf.current("broken")

    assert len(caplog.records) == 1
