"""How long after the decision to stop the last byte of the reply leaves the server."""

import asyncio
import math
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench import figures, plan, processes
from bench.ears import QUERY, Ears, Mouth
from bench.figures import percentile
from bench.plan import Plan
from bench.processes import Cores, Running
from bench.report import table
from bench.section import Section, judged
from bench.wire import dial

CALLS = 8
_REPLY_S = 10.0
_LISTENS_S = (0.05, 1.2)
_SPEAKS_S = (0.05, 0.6)


@dataclass(slots=True)
class Cuts:
    """Of all interruptions, in ms from the moment at which the client wrote `BotInterrupt`.

    Attributes:
        told: to `BotInterrupted`.
        last_sound: to the last frame of sound of that turn that came after; 0 where none did.
        stale: frames of sound of the turn that came after `BotInterrupted`.
        cut_by_words: from the first frame of the caller's speech over the reply to `BotInterrupted`.
    """

    told: list[float] = field(default_factory=list)
    last_sound: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    late_frames: int = 0
    stale: int = 0
    missed: int = 0
    cut_by_words: list[float] = field(default_factory=list)


async def run(what: Plan, on: Cores, tell: Callable[[str], None]) -> Section:
    """Many calls that ask, listen a while, and interrupt."""
    cuts = Cuts()
    failures: list[str] = []
    try:
        async with processes.server(on, {"VAD": "off", "VOICE_CALL_IDLE_TIMEOUT": 600}) as at:
            turns = 2 * CALLS * int(what.interruptions_s * 2 + 10)
            await processes.admin(at.emulator_url, "PUT", "script", plan.script(turns))
            async with asyncio.TaskGroup() as tasks:
                for number in range(CALLS):
                    tasks.create_task(_call(at, cuts, what.interruptions_s, random.Random(number)))
                    tasks.create_task(_speaks_over(at, cuts, what.interruptions_s, random.Random(number)))
    except* Exception as group:
        failures += [f"{type(exc).__name__}: {exc}" for exc in group.exceptions]
    tell(f"  {len(cuts.told)} interruptions, told p50 {percentile(cuts.told, 50):.2f} ms, stale {cuts.stale}")
    return section(cuts, failures)


async def _call(at: Running, cuts: Cuts, seconds: float, chance: random.Random) -> None:
    ears = Ears()
    ears.wire = await dial(at.url + QUERY, ears.take)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            await _interrupt(ears, cuts, chance)
    finally:
        ears.wire.close()


async def _speaks_over(at: Running, cuts: Cuts, seconds: float, chance: random.Random) -> None:
    ears = Ears()
    ears.wire = await dial(at.url + QUERY, ears.take)
    mouth = Mouth(ears.wire)
    speaking = asyncio.create_task(mouth.run())
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            await _cut_by_words(ears, mouth, cuts, chance)
    finally:
        speaking.cancel()
        ears.wire.close()


async def _cut_by_words(ears: Ears, mouth: Mouth, cuts: Cuts, chance: random.Random) -> None:
    ears.forget()
    ears.tell("UserText", {"text": "你在听我说话吗？"})
    try:
        async with asyncio.timeout(_REPLY_S):
            await ears.sounds.wait()
            await asyncio.sleep(chance.uniform(*_SPEAKS_S))
            mouth.begin()
            await ears.done.wait()
            await asyncio.sleep(0.05)
    except TimeoutError:
        cuts.missed += 1
    mouth.stop()
    if ears.told_ns:
        cuts.cut_by_words.append((ears.told_ns - mouth.began_ns) / figures.NS_PER_MS)
        cuts.stale += sum(at > ears.told_ns for at in ears.sound_ns)
    ears.forget()
    with suppress(TimeoutError):  # those words are the next turn
        async with asyncio.timeout(_REPLY_S):
            await ears.done.wait()


async def _interrupt(ears: Ears, cuts: Cuts, chance: random.Random) -> None:
    ears.forget()
    ears.tell("UserText", {"text": "你在听我说话吗？"})
    try:
        async with asyncio.timeout(_REPLY_S):
            await ears.sounds.wait()
            await asyncio.sleep(chance.uniform(*_LISTENS_S))
            if ears.done.is_set():
                return
            ears.cut_ns = time.monotonic_ns()
            ears.tell("BotInterrupt", {})
            await ears.done.wait()
            await asyncio.sleep(0.05)
    except TimeoutError:
        cuts.missed += 1
        return
    if not ears.told_ns:
        return  # the reply ended by itself in the same moment
    cuts.told.append((ears.told_ns - ears.cut_ns) / figures.NS_PER_MS)
    cuts.done.append((ears.done_ns - ears.cut_ns) / figures.NS_PER_MS)
    late = [at for at in ears.sound_ns if at > ears.cut_ns]
    cuts.last_sound.append((late[-1] - ears.cut_ns) / figures.NS_PER_MS if late else 0.0)
    cuts.late_frames += len(late)
    cuts.stale += sum(at > ears.told_ns for at in ears.sound_ns)


def section(cuts: Cuts, failures: list[str]) -> Section:
    """In words and a table."""
    rows = [
        [name, *(f"{percentile(values, percent):.2f}" for percent in (50, 99)), str(len(values))]
        for name, values in (
            ("`BotInterrupted` at the client", cuts.told),
            ("last frame of the reply's sound at the client", cuts.last_sound),
            ("`TTSDone` at the client", cuts.done),
            ("(speech) from the first word's frame to `BotInterrupted`", cuts.cut_by_words),
        )
    ]
    text = (
        f"{CALLS} calls ask, listen for {_LISTENS_S[0]:g} to {_LISTENS_S[1]:g} s and send `BotInterrupt`, again and "
        "again; ms from the moment at which the client wrote it, so that both sockets and the decision itself are in "
        f"it. 0 where no sound came after that moment. {CALLS} more calls speak over the reply: the emulator tells "
        "the first word after 200 ms of speech, in packets of 100 ms.\n\n"
        + table(["from `BotInterrupt` to", "p50 ms", "p99 ms", "seen"], rows)
        + f"\n\nFrames of sound after the interruption was asked for: {cuts.late_frames}; after `BotInterrupted`: "
        f"{cuts.stale}; interruptions that were not answered: {cuts.missed}. "
        "The hundred thousand on the virtual clock are `make soak`."
    )
    last_ms = percentile(cuts.last_sound, 99)
    aim = judged("barge-in: decision → last stale byte leaves the server, p99", 20, last_ms, " ms", 2)
    seen = len(cuts.told) + len(cuts.cut_by_words)
    stale = judged(f"stale frames after `BotInterrupted`, {seen} times", 0, cuts.stale if seen else math.nan, "")
    return Section("Barge-in", text, (aim, stale), tuple(failures))
