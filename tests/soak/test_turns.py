"""Turn after turn in calls where everything goes wrong: none hangs, each ends once, nothing is left. Virtual time."""

import asyncio
import gc
import logging
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from backend.session import CallSession
from tests.soak.life import Life
from tests.support.virtual import StandstillError, VirtualLoop, virtually

TURNS = int(os.environ.get("SOAK_TURNS", "300"))
"""Of all seeds together; `make soak` asks for more."""
SEEDS = os.environ.get("SOAK_SEEDS", "1,2,3").split(",")
"""Another one makes other calls."""
ONLY = os.environ.get("SOAK_CALL")
"""Of every seed, just the call of this number is lived again."""
CALLS_BETWEEN_COUNTS = 50


@pytest.mark.parametrize("seed", SEEDS)
def test_no_turn_hangs_and_nothing_is_left_whatever_goes_wrong(seed: str, crashes: list[str]) -> None:
    of_others = parts_of_calls()
    turns = -(-TURNS // len(SEEDS))
    counted: Counter[str] = Counter()
    mischief: Counter[str] = Counter()
    for call in calls():
        counted += lived(Life(f"{seed}/{call}"), mischief)
        assert not crashes, f"seed '{seed}/{call}': {crashes[0]}"
        if not call % CALLS_BETWEEN_COUNTS:
            assert_nothing_is_left(of_others)
        if counted["turns"] >= turns:
            break
    print(f"\n{dict(counted)}\n{dict(sorted(mischief.items()))}")
    assert ONLY or counted["turns"] >= turns
    assert ONLY or counted["proved"] >= counted["calls"] // 4
    assert_nothing_is_left(of_others)


class Listening(logging.Logger):
    """Keeps what is logged of calls that crash."""

    def __init__(self) -> None:
        super().__init__("backend.session")
        self.crashes: list[str] = []

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the library's name
        return True

    def handle(self, record: logging.LogRecord) -> None:
        if record.msg == "call.crashed":
            self.crashes.append(logging.Formatter().format(record))


@pytest.fixture(autouse=True)
def crashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What calls that crashed have said. Nothing else is logged: a record of an error keeps everything alive."""
    log = Listening()
    monkeypatch.setattr("backend.session.log", log)
    logging.disable(logging.CRITICAL)
    yield log.crashes
    logging.disable(logging.NOTSET)


def calls() -> Iterator[int]:
    return iter([int(ONLY)] if ONLY else range(1, TURNS + 1))


def lived(life: Life, mischief: Counter[str]) -> Counter[str]:
    """From the first ring to the last, with an ear for what the event loop complains of; what came of it."""
    complaints: list[dict[str, Any]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await life.live()

    try:
        virtually(main())
    except StandstillError as exc:
        raise AssertionError(life.report(f"standstill: {exc}")) from exc
    assert not complaints, f"seed {life.seed!r}: {complaints}"
    mischief += Counter(life.mischief.done)
    judge = life.judge
    ends = {"turns": judge.turns, "sounded": judge.answered, "failed": judge.failed, "interrupted": judge.interrupted}
    return Counter(calls=1, done=judge.done, proved=life.proved, **ends)


def assert_nothing_is_left(of_others: list[object]) -> None:
    """No part of a call outlives it."""
    known = set(map(id, of_others))
    left = Counter(type(thing).__name__ for thing in parts_of_calls() if id(thing) not in known)
    assert not left, f"left after a call: {dict(left)}"


def parts_of_calls() -> list[object]:
    """All that there are in this process, which other tests may have used before."""
    gc.collect()
    kinds = (CallSession, asyncio.Queue, asyncio.Task, VirtualLoop)
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]
