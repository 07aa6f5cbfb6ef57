"""A part that fails loses nothing of the others."""

import gc

import pytest

from bench import processes, run
from bench.plan import Plan
from bench.processes import Cores
from bench.section import Section


async def test_the_other_parts_are_run_and_the_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_what: Plan, _on: Cores, _tell: object) -> Section:
        raise RuntimeError("no such luck")

    async def works(_what: Plan, _on: Cores, _tell: object) -> Section:
        return Section("Works", "text")

    monkeypatch.setattr(run, "PARTS", {"fails": fails, "works": works})
    monkeypatch.setattr(processes, "pin", lambda *_: None)
    monkeypatch.setattr(gc, "disable", lambda: None)

    found = [each async for each in run.run(["fails", "works"], quick=True, tell=lambda _: None)]

    assert [name for name, _ in found] == ["fails", "works"]
    assert found[0][1].failures == ("the whole part: RuntimeError: no such luck",)
    assert found[1][1] == Section("Works", "text")
