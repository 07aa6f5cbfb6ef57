"""A small sample of `make attacks`: what must not be got is not got, and the server lives."""

import array
import asyncio
import random

import pytest

from attacks import callers, deaf, report, run
from attacks.honest import ATTACKERS_VOLUME, Caller
from attacks.mutator import Mutator, seeds
from attacks.outcome import Attack, Deadline, Outcome
from attacks.run import ATTACKS, Row
from attacks.target import Target, target
from attacks.watch import Growth
from backend.errors import ProtocolError
from backend.protocol.events import parse_event
from backend.protocol.frames import AudioFrame, decode
from bench.processes import Cores

NOWHERE = Cores(None, None)
QUIET = {"VAD": "off", "MAX_LOOP_LAG_MS": 0, "MAX_LOOP_LOAD": 0}


def test_mutated_frames_are_frames_or_refused_and_nothing_else() -> None:
    seed = random.randrange(2**32)
    mutator, kinds = Mutator(seed), dict[str, int]()
    for number in range(20_000):
        data = mutator.frame()
        try:
            frame = decode(data)
            kind = "audio" if isinstance(frame, AudioFrame) else type(parse_event(frame)).__name__
        except ProtocolError as exc:
            kind = exc.code
        except Exception as exc:
            raise AssertionError(f"seed {seed}, frame {number}: {data.hex()}") from exc
        kinds[kind] = kinds.get(kind, 0) + 1

    assert {"audio", "BadFrame", "BadEvent", "UserText", "ConfigUpdate"} <= kinds.keys(), f"seed {seed}"


def test_one_seed_makes_the_same_frames() -> None:
    one, two = Mutator(7), Mutator(7)

    assert [one.frame() for _ in range(100)] == [two.frame() for _ in range(100)]
    assert len(seeds()) > 30


async def briefly(here: Target, attack: Attack) -> Outcome:
    """Long enough for something to have been tried, however busy the machine is."""
    for seconds in (0.3, 1.0, 3.0, 9.0):
        outcome = await attack(here, Deadline.after(seconds))
        if outcome.tried:
            break
    return outcome


async def test_every_attack_is_borne() -> None:
    async with target(NOWHERE, QUIET) as here:
        for name, attack in ATTACKS.items():
            async with asyncio.timeout(60):
                outcome = await briefly(here, attack)
            assert outcome.tried > 0, name
            assert outcome.harm == 0, name
            assert outcome.crashes == 0, name
        assert await run._is_alive(here)
        assert here.rss_mib() < 600
        assert here.crashes() == 0


async def test_honest_callers_beside_an_attack_hear_nobody_but_their_own_friend() -> None:
    async with target(NOWHERE, QUIET) as here:
        for seconds in (1.5, 4.0, 12.0):  # until somebody has heard an answer, however busy the machine is
            row = await run.beside(here, "mutated frames", callers.mutated, seconds, NOWHERE)
            if row.honest["sounds"]:
                break

    assert row.faults(p99_ms=float("inf")) == []
    assert 0 < row.honest["late_p99_ms"] < float("inf")
    assert row.honest["turns"] > 0
    assert row.honest["sounds"] > 0


async def test_a_fault_of_the_servers_own_is_counted() -> None:
    async def crash(target: Target, deadline: Deadline) -> Outcome:
        target.log.write(b"ERROR turn.crashed\nTraceback (most recent call last):\n  File x\nValueError: y\n")
        target.log.flush()
        return Outcome(tried=1)

    async with target(NOWHERE, QUIET) as here:
        row = await run.beside(here, "x", crash, 0.1, NOWHERE)

    assert row.crashes == 2
    assert "something crashed in the server" in row.faults(p99_ms=float("inf"))


def test_a_foreign_name_and_a_foreign_sound_are_noticed() -> None:
    def tone(volume: float) -> bytes:
        loudest = round(8000 * volume)
        return array.array("h", [0, loudest, 0, -loudest] * 600).tobytes()

    caller = Caller("caller1", volume=0.7)
    caller.understand("TTSSentenceStart", {"sentence": "我是caller1，"}, 0.0)
    caller.listen_to(tone(0.7))
    assert (caller.foreign, caller.sounds) == (0, 1)
    for sentence in ("我是caller12，", "我是attacker1，"):
        caller.understand("TTSSentenceStart", {"sentence": sentence}, 0.0)
    for volume in (0.5, 1.2, ATTACKERS_VOLUME):
        caller.listen_to(tone(volume))
    assert caller.foreign == 5


@pytest.mark.parametrize(
    ("grown_mib", "hung_up_on", "lasted_s", "times"),
    [(40, 20, 12, 0), (40, 0, 4, 0), (114, 20, 12, 1), (40, 0, 12, 1), (114, 0, 12, 2)],
)
def test_what_callers_that_never_read_must_not_get(
    grown_mib: float, hung_up_on: int, lasted_s: float, times: int
) -> None:
    assert deaf.harm(grown_mib, 20, hung_up_on, lasted_s) == times


async def test_how_much_a_server_grows_is_the_most_it_held_meanwhile() -> None:
    class Held:
        held = 100.0

        def rss_mib(self) -> float:
            return self.held

    server = Held()
    async with Growth(server) as growth:  # type: ignore[arg-type]
        for server.held in (100.0, 130.0, 90.0):
            await asyncio.sleep(0.06)

    assert growth.mib == 30


HONEST = {"answers": 700, "p50_ms": 2.0, "p99_ms": 9.0, "turns": 30, "foreign": 0, "cut_off": 0}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row("x", Outcome(5, 1), HONEST, 1, True), "must not get"),
        (Row("x", Outcome(5), HONEST, 1, False), "gone"),
        (Row("x", Outcome(0), HONEST, 1, True), "nothing"),
        (Row("x", Outcome(500, wanted=10_000), HONEST, 1, True), "500 of 10,000"),
        (Row("x", Outcome(5, crashes=1), HONEST, 1, True), "crashed"),
        (Row("x", Outcome(5), HONEST, 1, True, 1), "crashed"),
        (Row("x", Outcome(5), {**HONEST, "p99_ms": 61.0}, 1, True), "61.0 ms"),
        (Row("x", Outcome(5), {**HONEST, "foreign": 1}, 1, True), "somebody else"),
        (Row("x", Outcome(5), {**HONEST, "cut_off": 1}, 1, True), "cut off"),
        (Row("x", Outcome(5), HONEST, 500, True), "500 MiB"),
    ],
)
def test_what_must_not_be_is_found(row: Row, words: str) -> None:
    assert [words in fault for fault in row.faults()] == [True]


def test_the_table_goes_between_its_marks() -> None:
    page = report.written(f"a\n{report.BEGIN}\nold\n{report.END}\nb\n", [Row("x", Outcome(5), HONEST, 1, True)], 8)

    assert "old" not in page
    assert "| x | 5 |" in page
    assert len({line.count("|") for line in page.splitlines() if line.startswith("|")}) == 1
    assert page.endswith(f"{report.END}\nb\n")
    assert report.written(page, [Row("x", Outcome(5), HONEST, 1, True)], 8) == page
