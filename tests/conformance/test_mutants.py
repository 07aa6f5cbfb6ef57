"""The kit fails wrong servers: for each of the mutants, the check that is there for it."""

import asyncio

import pytest

from conformance.verdict import GROUPS, Result, Verdict
from tests.conformance.judged import judged
from tests.conformance.mutants import MUTANTS
from tests.conformance.toy import Toy, ToyCall, toy

AT_ONCE = 8
IDLE_TIMEOUT_S = 0.5
TIMEOUT_S = 3.0
"""What a hanging server costs; a right one needs a tenth of it."""


def _name(check: str, call: type[ToyCall], server: type[Toy]) -> str:
    return f"{check}-{(call if server is Toy else server).__name__}"


async def _judge_all() -> dict[str, Result]:
    """Those that are stopped by a signal one after the other, the rest side by side."""
    gate, results = asyncio.Semaphore(AT_ONCE), {}

    async def judge(check: str, call: type[ToyCall], server: type[Toy]) -> None:
        limit = server.max_calls if check == "bounds.max-calls" else None
        async with gate, toy(call, server) as wrong:
            told = await judged(
                wrong.url,
                names=[check],
                stop="shutdown" in check,
                timeout_s=TIMEOUT_S,
                max_calls=limit,
                idle_timeout_s=IDLE_TIMEOUT_S if check == "bounds.silence-is-idle" else None,
            )
        results[_name(check, call, server)] = told[check]

    await asyncio.gather(*(judge(*mutant) for mutant in MUTANTS if "shutdown" not in mutant[0]))
    for mutant in MUTANTS:
        if "shutdown" in mutant[0]:
            await judge(*mutant)
    return results


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return asyncio.run(_judge_all())


@pytest.mark.parametrize("mutant", [_name(*mutant) for mutant in MUTANTS])
def test_a_wrong_server_is_caught(mutant: str, results: dict[str, Result]) -> None:
    assert results[mutant].verdict is Verdict.FAILED, results[mutant]
    assert results[mutant].evidence


def test_there_are_wrong_servers_of_every_group() -> None:
    assert {check.split(".")[0] for check, _, _ in MUTANTS} == set(GROUPS)
