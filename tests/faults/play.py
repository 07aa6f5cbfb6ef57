"""Plays one case: a call in which something goes wrong, and the turn after it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from tests.faults.cases import GOES_ON, Case
from tests.faults.judge import (
    TIMEOUT_S,
    Frames,
    Played,
    broken_connections,
    is_over,
    judge,
    judge_next,
    judge_what_struck,
    strikes,
)
from tests.faults.scripts import at_first, beside, dials_in_between, fine, in_time
from tests.faults.stage import Stage, staged, until
from tests.support.caller import names

STARVED_S: Final = 0.1
_LATER_WORDS_S: Final = 0.05
_BARGE_IN: Final = {"barge_in": "true", "delivery": "stream"}


class Lateness:
    """How long this process waited for its processor: nobody's deadline can count that."""

    def __init__(self) -> None:
        self.s = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self.s += max(0.0, time.monotonic() - due - 0.002)


async def play(case: Case, lateness: Lateness) -> Played:
    """One call. What is left of it when it is over is a problem, too."""
    played, late_s = Played(), lateness.s
    troubled = {"first": _in_the_first_turn, "later": _in_a_later_turn, "barge-in": _in_a_barge_in}[case.when]
    wishes = _BARGE_IN if case.when == "barge-in" else {}
    second = beside(case) if case.stands_by else None
    try:
        async with asyncio.timeout(30), staged(case.family, at_first(case), second, wishes, **_settings(case)) as stage:
            await troubled(case, stage, played, lateness)
            judge_what_struck(case, stage, played)
            await _next_turn(case, stage, played)
    except Exception as error:
        played.problems.append(f"{type(error).__name__}: {error}")
    if played.outcome != case.outcome:
        played.problems.append(f"{played.outcome or 'nothing'}, not {case.outcome}")
    played.starved = lateness.s - late_s > STARVED_S
    return played


def _settings(case: Case) -> dict[str, str]:
    values = {f"{case.stage.upper()}_TIMEOUT_S": str(TIMEOUT_S), "FALLBACK_S": "3600"}
    if case.family == "dashscope" and case.trouble.at_connect and case.stage != "llm":
        other = "TTS" if case.stage == "asr" else "ASR"  # they share a door
        values |= {f"{other}_PROVIDER": "volcengine", f"{other}_FALLBACK": ""}
    if (case.stage, case.when) == ("asr", "barge-in") and case.trouble.at_connect and not case.idles:
        values["VOLC_ASR_SPARES"] = "0"  # or the ears would dial long before
    return values


async def _in_the_first_turn(case: Case, stage: Stage, played: Played, lateness: Lateness) -> None:
    await _troubled_turn(case, stage, played, lateness)
    played.struck = await _struck(case, stage)


async def _in_a_later_turn(case: Case, stage: Stage, played: Played, lateness: Lateness) -> None:
    if dials_in_between(case):
        await stage.caller.speak()
        await stage.caller.until("SentenceRecognized")
        _go_on(case, stage)
        await _hang_up(stage)
        await stage.caller.until("TTSDone")
    else:
        await stage.caller.turn()
        _go_on(case, stage)
        if case.stage == "tts" and case.trouble.at_connect and not case.idles:
            await _hang_up(stage)
    await _troubled_turn(case, stage, played, lateness)
    played.struck = await _struck(case, stage)


async def _in_a_barge_in(case: Case, stage: Stage, played: Played, lateness: Lateness) -> None:
    asr, caller = case.stage == "asr", stage.caller
    await caller.speak()
    await caller.until("TTSSentenceStart")
    _go_on(case, stage)
    before = 0 if asr else strikes(case, stage)  # the ears have been open since before the reply
    began, late = time.monotonic(), lateness.s
    await caller.speak()
    await caller.silence(900 if asr else 0)
    frames = await caller.until("TTSDone")
    if case.stage == "tts" and case.trouble.at_connect and not case.idles:
        await _hang_up(stage)
    if asr and "BotInterrupted" not in names(frames):
        played.outcome = GOES_ON
    else:
        frames = await caller.until("TTSDone")
        judge(case, frames, played, time.monotonic() - began - (lateness.s - late))
    played.struck = await _struck(case, stage, before)


async def _struck(case: Case, stage: Stage, before: int = 0) -> bool:
    """In time: what closes a connection when it has been idle does so before the next turn needs one."""
    if case.idles and not case.misses:
        with suppress(TimeoutError):
            await until(lambda: strikes(case, stage) > before)
    return strikes(case, stage) > before


def _go_on(case: Case, stage: Stage) -> None:
    if (script := in_time(case)) is not None:
        stage.first.script(script)


async def _hang_up(stage: Stage) -> None:
    """On all but Doubao's ears, so that the next who speaks or hears has to dial."""
    for socket in list(stage.first.house.sockets):
        if socket._req is not None and "/sauc/" not in socket._req.path:
            await socket.close()


async def _troubled_turn(case: Case, stage: Stage, played: Played, lateness: Lateness) -> None:
    caller = stage.caller
    began, late = time.monotonic(), lateness.s
    await caller.speak()
    await caller.silence(900)  # a recogniser that falls silent is found out by that
    frames: Frames = []
    while not is_over(case, frames):
        frames.append(await caller.next())
        if names(frames[-1:]) == ["SentenceRecognized"]:
            began, late = time.monotonic(), lateness.s
    judge(case, frames, played, time.monotonic() - began - (lateness.s - late))


async def _next_turn(case: Case, stage: Stage, played: Played) -> None:
    stage.first.script(fine())
    stage.second.script(fine())
    if case.takes_over and (late := await _more(stage)):
        played.problems.append(f"the turn was over, and yet: {late}")
    frames: Frames = []
    while "SentenceRecognized" not in names(frames):
        await stage.caller.speak()  # once more, where the ears were just being opened anew
        await stage.caller.silence(600)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while "SentenceRecognized" not in names(frames):
                    frames.append(await stage.caller.next())
    frames += await stage.caller.until("TTSDone")
    if case.idles:  # connections go on being closed, and each is let go of a moment later
        with suppress(TimeoutError):
            await until(lambda: not broken_connections(stage.providers))
    judge_next(case, frames, stage, played)


async def _more(stage: Stage) -> list[str]:
    """What comes without the caller having said anything."""
    frames: Frames = []
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATER_WORDS_S):
            while True:
                frames.append(await stage.caller.next())
    return names(frames)
