"""The operator's page names what there is, and all of it."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.config.env import Env
from backend.marks import MARKS
from backend.settings import read
from backend.telemetry.observer import REFUSALS
from backend.telemetry.prometheus import Metrics
from backend.telemetry.readings import Readings
from backend.telemetry.stages import STAGES

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
READINGS = Readings(0, 0, True, 0.0, 0, 0)
OTHERS = {"OTEL_TRACES_SAMPLER", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_BSP_SCHEDULE_DELAY"}


@pytest.fixture
def families() -> dict[str, str]:
    """What `/metrics` shows of ours: name → kind."""
    metrics = Metrics({"asr": "emulator", "llm": "emulator", "tts": "emulator"}, "1")
    metrics.read(lambda: READINGS)
    shown = text_string_to_metric_families(metrics.exposition()[0].decode())
    ours = ((family.name, family.type) for family in shown if family.name.startswith("lvc_"))
    return {f"{name}_total" if kind == "counter" else name: kind for name, kind in ours}


def rows(heading: str) -> list[str]:
    """The first column of the table under a heading's first table."""
    table = PAGE.split(heading, 1)[1].split("\n|---", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)


def test_the_table_lists_every_metric_with_its_kind(families: dict[str, str]) -> None:
    assert dict(re.findall(r"^\| `(lvc_\w+)` \| (\w+) \|", PAGE, re.MULTILINE)) == families


def test_every_metric_in_a_query_exists(families: dict[str, str]) -> None:
    asked = set(re.findall(r"\blvc_\w+", PAGE))

    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in asked} == set(families)


def test_every_setting_that_is_named_exists() -> None:
    env = Env({})
    read(env)
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", PAGE))

    assert named - OTHERS <= set(env.names)


def test_marks_stages_and_reasons_are_those_there_are() -> None:
    assert rows("## One turn, measured") == list(MARKS)
    assert rows("The six stages join") == list(STAGES)
    assert set(rows("## Overload")) == set(REFUSALS) - {"unauthorized", "not_found", "malformed", "origin"}
