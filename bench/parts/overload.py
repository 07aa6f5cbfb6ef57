"""Beyond capacity: those inside keep their pace, those outside are told at once."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import load, plan, processes
from bench.contenders import OURS_VAD
from bench.dialects import Ours
from bench.figures import Times, percentile
from bench.load import Caller, Line, Notes
from bench.machine_load import watch
from bench.measure import warm
from bench.plan import Plan
from bench.processes import Cores, Running
from bench.report import table
from bench.section import Aim, Section, judged
from bench.voice import speech
from bench.wire import Refused, dial, masked

FRAME_MS = 20
_RETRY_S = 5.0
_GUARDS = {"MAX_LOOP_LAG_MS": 30, "MAX_LOOP_LOAD": 75}
_BYTES_PER_MS = 32


@dataclass(slots=True)
class Door:
    """What happened at the door; times in ms.

    Attributes:
        refused_ms: from a client's first byte to the answer that refuses it.
        delay_ms: what the server added to the first sound of each reply of those inside, beyond the synthesiser's.
        own_ms: the same from the chat request on.
    """

    admitted: int = 0
    refused_ms: list[float] = field(default_factory=list)
    broken: int = 0
    delay_ms: tuple[float, ...] = ()
    own_ms: tuple[float, ...] = ()
    core: float = 0.0
    far_core: float = 0.0
    lost: int = 0


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Once with a number of lines, once with the lag guard alone."""
    doors: dict[str, Door] = {}
    failures: list[str] = []
    cases = {
        f"MAX_CALLS={what.lines}": {"MAX_CALLS": what.lines, **_GUARDS},
        "the guards alone": {"MAX_CALLS": 1000, **_GUARDS},
    }
    for name, bounds in list(cases.items())[: what.repetitions]:
        try:
            doors[name] = await _crowd(what, on, bounds)
            tell(f"  {name}: {_row(name, doors[name])}")
        except Exception as exc:
            failures.append(f"{name}: {type(exc).__name__}: {exc}")
    return section(doors, failures, what)


async def _crowd(what: Plan, on: Cores, bounds: dict[str, int]) -> Door:
    async with processes.server(on, {"VAD": "silero", **bounds}) as at:
        await warm(OURS_VAD, at)
        turns = plan.turns_wanted(what.crowd, 2 * what.crowd_s)
        await processes.admin(at.emulator_url, "PUT", "script", plan.script(turns))
        door, notes = Door(), Notes()
        line = Line(notes, FRAME_MS)
        try:
            async with asyncio.TaskGroup() as tasks:
                crowd = Crowd(at, line, notes, door, random.Random(what.crowd))
                running = [tasks.create_task(_try(crowd, what)) for _ in range(what.crowd)]
                running.append(tasks.create_task(line.send()))
                await asyncio.sleep(what.crowd_s)
                since_ns = time.monotonic_ns()
                usage = await watch(at.process, at.far_end, what.crowd_s)
                for task in running:
                    task.cancel()
        finally:
            line.close()
        await _account(at, notes, door, since_ns)
        door.core, door.far_core = usage.core, usage.far_end_cpu + usage.callers_cpu
        return door


@dataclass(frozen=True, slots=True)
class Crowd:
    """What those who want to call have in common."""

    at: Running
    line: Line
    notes: Notes
    door: Door
    chance: random.Random


async def _try(crowd: Crowd, what: Plan) -> None:
    """Come at some time, and again after `Retry-After`, until let in."""
    notes, door, chance = crowd.notes, crowd.door, crowd.chance
    await asyncio.sleep(chance.uniform(0, what.crowd_s))
    dialect = Ours()
    frames = [masked(dialect.audio(pcm)) for pcm in speech().frames(FRAME_MS)]
    quiet = masked(dialect.audio(bytes(FRAME_MS * _BYTES_PER_MS)))
    while True:
        began = time.monotonic()
        caller = Caller(notes, dialect, frames, quiet, began + chance.uniform(0.2, 3.0))
        try:
            wire = await dial(crowd.at.url, lambda message: caller.take(message, time.monotonic_ns()))  # noqa: B023
        except Refused:
            door.refused_ms.append(1000 * (time.monotonic() - began))
        except (OSError, TimeoutError):
            door.broken += 1
        else:
            door.admitted += 1
            crowd.line.add(caller, wire)
            return
        await asyncio.sleep(_RETRY_S)


async def _account(at: Running, notes: load.Notes, door: Door, since_ns: int) -> None:
    times = Times((await processes.admin(at.emulator_url, "GET", "stats"))["stamps"])
    turns = [turn for turn in notes.turns if turn.spoke_ns >= since_ns and turn.sound_ns]
    door.delay_ms = times.told_ms(turns)
    door.own_ms = tuple(times.own_ms(turn) for turn in turns if times.knows(turn))
    door.lost = notes.lost


def section(doors: dict[str, Door], failures: list[str], what: Plan) -> Section:
    """In words and a table."""
    head = ["bound", "let in", "refused", "told after p50 ms", "p99", "sound p50 ms", "p99", "own p50 ms", "p99"]
    head += ["lost", "server's core %", "far end's and callers' core %"]
    text = (
        f"{what.crowd} clients come within {what.crowd_s:g} s to the server with VAD, which has held a call before; "
        f"{FRAME_MS} ms frames. Who is refused comes again after {_RETRY_S:g} s. The {what.crowd_s:g} s after that "
        "are measured. *Sound* is the "
        "time from the synthesiser's first sound of a reply to the client's, of those inside; *own* as above. *Told* "
        "is connecting, the handshake and the answer; the callers share a core with the emulator.\n\n"
        + table(head, [_row(name, door) for name, door in doors.items()])
    )
    return Section("Beyond capacity", text, aims(doors), tuple(failures))


def _row(name: str, door: Door) -> list[str]:
    delays = [
        f"{percentile(values, percent):.1f}"
        for values in (door.refused_ms, door.delay_ms, door.own_ms)
        for percent in (50, 99)
    ]
    counts = [str(door.admitted), str(len(door.refused_ms)) + (f" (+{door.broken} broken)" if door.broken else "")]
    return [name, *counts, *delays, str(door.lost), f"{100 * door.core:.0f}", f"{100 * door.far_core:.0f}"]


def aims(doors: dict[str, Door]) -> tuple[Aim, ...]:
    """Of both bounds."""
    found = []
    for name, door in doors.items():
        inside, outside = percentile(door.delay_ms, 99), percentile(door.refused_ms, 99)
        found.append(judged(f"beyond capacity, {name}: those let in, p99", 60, inside, " ms", 1))
        found.append(judged(f"beyond capacity, {name}: refused ones know, p99", 100, outside, " ms", 1))
    return tuple(found)
