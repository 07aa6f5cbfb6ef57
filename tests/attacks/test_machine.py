"""How a run of attacks tells a machine that stood still from a server that did."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from attacks import machine, run
from attacks.machine import Standstill, Stolen
from attacks.outcome import Outcome
from attacks.report import table
from attacks.run import Row
from bench.processes import Cores, cores

LATE = Row("floods", Outcome(tried=1), {"answers": 9, "p50_ms": 1, "p99_ms": 99, "turns": 1, "cut_off": 0}, 1.0, True)
STOLEN = Stolen(share=0.02, worst_ms=40)


async def test_watchers_end_with_the_block_and_tell_of_every_core() -> None:
    async with Standstill(cores()) as watched:
        await asyncio.gather(*(watcher.stdout.read(0) for watcher in watched._watchers if watcher.stdout))

    assert all(watcher.returncode == 0 for watcher in watched._watchers)
    assert watched.stolen is None or (0 <= watched.stolen.share <= 1 and watched.stolen.worst_ms < 60_000)


async def test_where_no_core_is_known_nothing_is_told() -> None:
    async with Standstill(Cores(None, None)) as watched:
        pass

    assert watched.stolen is None


def test_who_may_not_go_first_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)

    assert machine.watch(0) is None


@pytest.mark.parametrize(
    ("row", "disturbed"),
    [
        (replace(LATE, stolen=STOLEN), True),
        (LATE, False),
        (replace(LATE, stolen=Stolen(share=0.001, worst_ms=12)), False),
        (replace(LATE, stolen=STOLEN, grown_mib=500), False),
        (replace(LATE, stolen=STOLEN, honest={**LATE.honest, "p99_ms": 5}), False),
    ],
)
def test_only_time_and_only_beside_a_standstill_is_put_down_to_the_machine(row: Row, disturbed: bool) -> None:
    assert row.is_disturbed == disturbed


@pytest.mark.parametrize(("rows", "takes"), [(1, 1), (3, 3), (99, run.TAKES)])
async def test_a_disturbed_row_is_taken_again_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, rows: int, takes: int
) -> None:
    def taken() -> Iterator[Row]:
        for _ in range(rows - 1):
            yield replace(LATE, stolen=STOLEN)
        yield LATE

    told = taken()

    async def beside(*_: object) -> Row:
        return next(told)

    monkeypatch.setattr(run, "beside", beside)
    monkeypatch.setattr(run, "REST_S", 0)

    row = await run._taken(None, "floods", None, 1.0, Cores(None, None))  # type: ignore[arg-type]

    assert row.takes == takes
    assert table([row]).splitlines()[-1].endswith(f"| {takes} |")
