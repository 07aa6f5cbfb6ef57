"""Every fault of every service: the caller gets an answer or the right error in time, and the next turn works."""

import asyncio
import os

import pytest

from tests.faults.cases import FAMILIES, STAGES, Case, Family, StageName, cases, sample
from tests.faults.page import PAGE, page
from tests.faults.play import Lateness, Played, play

AT_ONCE = 6
ENCORES = 3
ALL = os.environ.get("FAULTS") == "all"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stage", STAGES)
async def test_every_fault_ends_as_the_page_says(
    family: Family, stage: StageName, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    before, gate, lateness = asyncio.all_tasks(), asyncio.Semaphore(AT_ONCE), Lateness()
    chosen = [case for case in (cases() if ALL else sample()) if (case.family, case.stage) == (family, stage)]

    async def played(case: Case) -> Played:
        async with gate:
            return await play(case, lateness)

    async with lateness.watched():
        plays = dict(zip(chosen, await asyncio.gather(*map(played, chosen)), strict=True))
        for _ in range(ENCORES):  # what the machine starved, once more and alone
            for case in [case for case, each in plays.items() if each.problems and each.starved]:
                plays[case] = await play(case, lateness)

    troubles = [f"{case.name}: {'; '.join(each.problems)}" for case, each in plays.items() if each.problems]
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
