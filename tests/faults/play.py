"""Plays one case: a call in which something goes wrong, and the turn after it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from backend import compose
from backend.protocol.frames import AudioFrame, EventFrame
from tests.faults.cases import ANSWERED, GOES_ON, Case
from tests.faults.stage import Stage, script, staged
from tests.support.caller import names

TIMEOUT_S: Final = 0.8
GRACE_S: Final = 0.25
STARVED_S: Final = 0.1
_BARGE_IN: Final = {"barge_in": "true", "delivery": "stream"}
_LATER: Final = tuple(range(2, 20))
TURN: Final = ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
REPLY: Final = "好的呀。"
LONG: Final = "从前有一座山，山上有一座庙，庙里有一个老和尚在讲故事。"
OVER: Final = "等一下，我有个问题。"

Frames = list[EventFrame | AudioFrame]


@dataclass
class Played:
    """What came of it."""

    outcome: str = ""
    late_s: float = 0.0
    starved: bool = False
    problems: list[str] = field(default_factory=list)


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
    play_it = {"first": _in_the_first_turn, "later": _in_a_later_turn, "barge-in": _in_a_barge_in}[case.when]
    try:
        async with asyncio.timeout(30):
            await play_it(case, played, lateness)
    except Exception as error:
        played.problems.append(f"{type(error).__name__}: {error}")
    if played.outcome != case.outcome:
        played.problems.append(f"{played.outcome or 'nothing'}, not {case.outcome}")
    played.starved = lateness.s - late_s > STARVED_S
    return played


def fine(**parts: Any) -> Any:
    return script(hears_always="你好", replies_always=REPLY, **parts)


def _faulty(case: Case, nths: tuple[int, ...] = (), **parts: Any) -> Any:
    faults = [{"nth": nth, **case.fault} for nth in nths or (None,)]
    return fine(**parts, faults=faults) if "replies_always" not in parts else script(**parts, faults=faults)


async def _in_the_first_turn(case: Case, played: Played, lateness: Lateness) -> None:
    async with staged(case.family, _faulty(case), None, None, **_settings(case)) as stage:
        await _troubled_turn(case, stage, played, lateness)
        await _next_works(stage, played)


async def _in_a_later_turn(case: Case, played: Played, lateness: Lateness) -> None:
    waits = case.stage == "asr" and not (case.trouble.at_connect and case.family == "dashscope")
    begins = _faulty(case, _LATER) if waits else fine()  # the next listening begins before anyone could change a script
    async with staged(case.family, begins, None, None, **_settings(case)) as stage:
        await stage.caller.turn()
        if not waits:
            stage.first.script(_faulty(case))
        if case.trouble.at_connect and case.stage == "tts":
            await _hang_up_on_voices(stage)
        await _troubled_turn(case, stage, played, lateness)
        await _next_works(stage, played)


def _settings(case: Case) -> dict[str, str]:
    """DashScope's voice shares its door with its ears: where that is shut, another hears."""
    shared = (case.family, case.stage) == ("dashscope", "tts") and case.trouble.at_connect
    ears = {"ASR_PROVIDER": "volcengine"} if shared else {}
    return {f"{case.stage.upper()}_TIMEOUT_S": str(TIMEOUT_S), **ears}


async def _hang_up_on_voices(stage: Stage) -> None:
    """So that the next reply has to dial."""
    for socket in list(stage.first.house.sockets):
        if socket._req is not None and "/sauc/" not in socket._req.path:
            await socket.close()


async def _troubled_turn(case: Case, stage: Stage, played: Played, lateness: Lateness) -> None:
    caller = stage.caller
    began, late = time.monotonic(), lateness.s
    await caller.speak(300)
    await caller.silence(900)  # a recogniser that falls silent is found out by that
    frames: Frames = []
    while not _is_over(case, frames):
        frames.append(await caller.next())
        if names(frames[-1:]) == ["SentenceRecognized"]:
            began, late = time.monotonic(), lateness.s
    _judge(case, frames, played, time.monotonic() - began - (lateness.s - late))


def _is_over(case: Case, frames: Frames) -> bool:
    told = names(frames)
    lost = case.stage == "asr" and "BotError" in told and "SentenceRecognized" not in told
    return lost or "TTSDone" in told


def _judge(case: Case, frames: Frames, played: Played, took_s: float) -> None:
    told = names(frames)
    codes = [frame.payload["error"]["code"] for frame in frames if isinstance(frame, EventFrame) and _is_error(frame)]
    played.outcome = "+".join(codes) or ANSWERED
    played.late_s = took_s - case.deadlines * TIMEOUT_S
    if played.late_s > GRACE_S:
        played.problems.append(f"{took_s:.2f} s is later than {case.deadlines} deadlines of {TIMEOUT_S} s")
    if told.count("TTSDone") != told.count("SentenceRecognized"):
        played.problems.append(f"TTSDone does not answer each SentenceRecognized: {told}")
    if played.outcome == ANSWERED and told != TURN:
        played.problems.append(f"not a whole turn: {told}")
    if codes and case.stage != "asr" and told[-2:] != ["BotError", "TTSDone"]:
        played.problems.append(f"BotError and TTSDone do not end it: {told}")


def _is_error(frame: EventFrame) -> bool:
    return frame.event == "BotError"


async def _next_works(stage: Stage, played: Played) -> None:
    stage.first.script(fine())
    frames: Frames = []
    while "SentenceRecognized" not in names(frames):
        await stage.caller.speak(300)  # once more, where the ears were just being opened anew
        await stage.caller.silence(600)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while "SentenceRecognized" not in names(frames):
                    frames.append(await stage.caller.next())
    frames += await stage.caller.until("TTSDone")
    told = [name for name in names(frames) if name != "BotError"]
    if [name for name, before in zip(told, ["", *told], strict=False) if name != before] != TURN:
        played.problems.append(f"the next turn does not work: {told}")
    if broken := broken_connections(stage.providers):
        played.problems.append(f"{broken} broken connections are kept")


async def _in_a_barge_in(case: Case, played: Played, lateness: Lateness) -> None:
    asr = case.stage == "asr"
    told_first = {"hears": ["讲个故事吧。", OVER], "replies": [LONG], "tone": {"ms_per_char": 70}}
    lines = {**told_first, "hears_always": "你好", "replies_always": REPLY}
    first = _faulty(case, (2,), **lines) if asr else script(**lines)
    async with staged(case.family, first, None, _BARGE_IN, **_settings(case)) as stage:
        caller = stage.caller
        await caller.speak(300)
        await caller.until("TTSSentenceStart")
        if not asr:
            stage.first.script(_faulty(case, hears=[OVER], hears_always="你好", replies_always=REPLY))
        began, late = time.monotonic(), lateness.s
        await caller.speak(300)
        await caller.silence(900 if asr else 0)
        frames = await caller.until("TTSDone")
        if asr and "BotInterrupted" not in names(frames):
            played.outcome = GOES_ON
        else:
            frames = []
            while "TTSDone" not in names(frames):
                frames.append(await caller.next())
            frames = _without_repeated_audio(frames)
            _judge(case, frames, played, time.monotonic() - began - (lateness.s - late))
        await _next_works(stage, played)


def _without_repeated_audio(frames: Frames) -> Frames:
    return [
        frame
        for frame, before in zip(frames, [None, *frames], strict=False)
        if not (isinstance(frame, AudioFrame) and isinstance(before, AudioFrame))
    ]


def broken_connections(providers: compose.Providers) -> int:
    """How many connections are kept for a next session that could not serve one."""
    broken = 0
    for provider in (providers.recognizer, providers.synthesizer):
        tasks = getattr(provider, "_tasks", provider)
        pool, spares = getattr(tasks, "_pool", None), getattr(provider, "_spares", None)
        broken += sum(not idle.connection.is_usable for idle in (pool._idle if pool else ()))
        kept = (spare.socket for spare in (spares._spares if spares else ()))
        broken += sum(socket is not None and not socket.is_open for socket in kept)
    return broken
