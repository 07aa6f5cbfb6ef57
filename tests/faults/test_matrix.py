"""Every fault of every service: the caller gets an answer or the right error in time, and the next turn works."""

import asyncio
import os
from itertools import chain

import pytest

from tests.faults.cases import ANSWERED, FAMILIES, STAGES, WHENS, Case, Family, StageName, Trouble, cases, sample
from tests.faults.judge import Played
from tests.faults.page import PAGE, page
from tests.faults.play import Lateness, play

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
    every = chain(cases(), cases(stands_by=True)) if ALL else sample()
    chosen = [case for case in every if (case.family, case.stage) == (family, stage)]

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


@pytest.mark.parametrize("stands_by", [False, True])
async def test_a_case_whose_fault_does_not_strike_is_no_proof(stands_by: bool) -> None:
    never = Trouble("wrong session", {"kind": "wrong_session", "nth": 99})
    played = await play(Case("volcengine", "llm", never, "first", stands_by), Lateness())

    assert played.outcome == ANSWERED
    assert played.problems == ["the fault did not strike"]


def test_there_are_cases_enough_and_each_fault_of_each_service_is_played() -> None:
    there = list(cases())
    played = [case for case in sample() if not case.stands_by]

    assert len(there) >= 60
    assert {(case.family, case.stage, case.trouble.name) for case in played} == {
        (case.family, case.stage, case.trouble.name) for case in there
    }
    assert {case.when for case in played} == {case.when for case in there}


def test_somebody_takes_over_from_each_service_at_each_time() -> None:
    taken_over = [case for case in sample() if case.takes_over]

    for when in WHENS:
        assert {(case.family, case.stage) for case in taken_over if case.when == when} == {
            (family, stage) for family in FAMILIES for stage in STAGES
        }
    assert len({case.trouble.name for case in taken_over}) >= 8
    assert {case.outcome == ANSWERED for case in taken_over} == {True, False}
    assert len(list(cases(stands_by=True))) == len(list(cases()))


def test_the_page_says_what_is_played() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it again: python -m tests.faults.page > docs/faults.md"
