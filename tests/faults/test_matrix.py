"""Every fault of every service: the caller gets an answer or the right error in time, and the next turn works."""

import asyncio
import os

import pytest

from tests.faults.cases import FAMILIES, STAGES, Case, Family, StageName, cases, sample
from tests.faults.page import PAGE, page
from tests.faults.play import Lateness, play

AT_ONCE = 8
ALL = os.environ.get("FAULTS") == "all"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stage", STAGES)
async def test_every_fault_ends_as_the_page_says(
    family: Family, stage: StageName, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    before, gate, lateness = asyncio.all_tasks(), asyncio.Semaphore(AT_ONCE), Lateness()
    chosen = [case for case in (cases() if ALL else sample()) if (case.family, case.stage) == (family, stage)]

    async def found(case: Case) -> str:
        async with gate:
            played = await play(case, lateness)
        wrong = played.problems + [f"{played.outcome}, not {case.outcome}"] * (played.outcome != case.outcome)
        return f"{case.name}: {'; '.join(wrong)}" if wrong else ""

    async with lateness.watched():
        troubles = [trouble for trouble in await asyncio.gather(*map(found, chosen)) if trouble]

    assert troubles == []
    assert asyncio.all_tasks() == before, "no task is left"


def test_there_are_cases_enough_and_each_fault_of_each_service_is_played() -> None:
    played, there = list(sample()), list(cases())

    assert len(there) >= 60
    assert {(case.family, case.stage, case.trouble.name) for case in played} == {
        (case.family, case.stage, case.trouble.name) for case in there
    }
    assert {case.when for case in played} == {case.when for case in there}


def test_the_page_says_what_is_played() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it again: python -m tests.faults.page > docs/faults.md"
