"""The guide for authors tells the truth."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

from backend.persona import Card, load
from tests.persona.small import write_card

GUIDE = (Path(__file__).parents[2] / "docs" / "persona.md").read_text(encoding="utf-8")


def test_the_card_in_the_guide_is_whole(tmp_path: Path) -> None:
    shown = re.search(r"## A whole card\n\n```yaml\n(.*?)```", GUIDE, re.DOTALL)

    assert shown is not None
    assert load(write_card(tmp_path, shown[1])).id == "mei"


def test_the_guide_names_every_key() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\|", GUIDE, re.MULTILINE)

    assert {key: bool(needed) for key, needed in rows} == {
        field.name: field.default is MISSING for field in fields(Card)
    }
