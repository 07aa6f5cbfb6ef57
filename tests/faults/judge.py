"""Holds what a caller was told to what the case promises."""

from dataclasses import dataclass, field
from typing import Final

from backend import compose
from backend.protocol.frames import AudioFrame, EventFrame
from tests.faults.cases import ANSWERED, Case
from tests.faults.scripts import sound_ms
from tests.faults.stage import RATE_HZ, Stage
from tests.support.caller import names

TIMEOUT_S: Final = 0.8
GRACE_S: Final = 0.25
TURN: Final = ["SentenceRecognized", "TTSSentenceStart", "audio", "TTSDone"]
_BYTES_PER_MS: Final = RATE_HZ * 2 // 1000

Frames = list[EventFrame | AudioFrame]


@dataclass
class Played:
    """What came of it.

    Attributes:
        struck: the fault has done what it does, in time.
        starved: this process waited for its processor for so long that deadlines mean nothing.
    """

    outcome: str = ""
    late_s: float = 0.0
    struck: bool = False
    starved: bool = False
    problems: list[str] = field(default_factory=list)


def is_over(case: Case, frames: Frames) -> bool:
    """The turn, or what would have become one."""
    told = names(frames)
    lost = case.stage == "asr" and "BotError" in told and "SentenceRecognized" not in told
    return lost or "TTSDone" in told


def judge(case: Case, frames: Frames, played: Played, took_s: float) -> None:
    """Of the turn in which the fault strikes."""
    told = without_repeats(names(frames), "audio")
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
    _judge_what_was_heard(case, frames, played)


def judge_what_struck(case: Case, stage: Stage, played: Played) -> None:
    """A case whose fault did not strike says nothing; nor does one in which nobody took over."""
    if played.struck == bool(case.misses):
        played.problems.append("the fault struck, and was said not to" if played.struck else "the fault did not strike")
    if not case.stands_by:
        return
    took_over = any(breaker.takeovers for breaker in stage.providers.breakers if breaker.stage == case.stage)
    if took_over != case.takes_over:
        played.problems.append("the second took over" if took_over else "the second did not take over")
    if case.takes_over and case.outcome == ANSWERED and not sessions_of_second(case, stage):
        played.problems.append("the second was not asked")


def judge_next(case: Case, frames: Frames, stage: Stage, played: Played) -> None:
    """Of the turn after it."""
    told = without_repeats([name for name in names(frames) if name != "BotError"])
    if told != TURN:
        played.problems.append(f"the next turn does not work: {told}")
    if broken := broken_connections(stage.providers):
        played.problems.append(f"{broken} broken connections are kept")


def sessions_of_second(case: Case, stage: Stage) -> int:
    """How often the one that stands by was asked."""
    return int(stage.second.stats()["chat" if case.stage == "llm" else case.stage]["sessions"])


def strikes(case: Case, stage: Stage) -> int:
    """How often the case's fault has done what it does, so far."""
    kind, service = case.fault["kind"], case.service
    return sum(fault.kind == kind and fault.service == service for fault in stage.first.house.stats.strikes)


def without_repeats(told: list[str], which: str = "") -> list[str]:
    """Of those that follow one another, one; all of them, or of one kind."""
    return [
        name for name, before in zip(told, ["", *told], strict=False) if name != before or (which and name != which)
    ]


def _judge_what_was_heard(case: Case, frames: Frames, played: Played) -> None:
    """Nothing twice, and in a turn that is answered nothing but the answer."""
    said = [frame.payload["sentence"] for frame in frames if isinstance(frame, EventFrame) and _begins(frame)]
    if len(said) != len(set(said)):
        played.problems.append(f"told twice: {said}")
    sound = sum(len(frame.data) for frame in frames if isinstance(frame, AudioFrame))
    if played.outcome == ANSWERED and sound != sound_ms(case) * _BYTES_PER_MS:
        played.problems.append(f"{sound / _BYTES_PER_MS:g} ms were heard, not {sound_ms(case)}")


def _begins(frame: EventFrame) -> bool:
    return frame.event == "TTSSentenceStart"


def _is_error(frame: EventFrame) -> bool:
    return frame.event == "BotError"


def broken_connections(providers: compose.Providers) -> int:
    """How many connections are kept for a next session that could not serve one."""
    broken = 0
    for provider in (providers.recognizer, providers.synthesizer):
        tasks = getattr(provider, "_tasks", provider)
        pool, spares = getattr(tasks, "_pool", None), getattr(provider, "_spares", None)
        broken += sum(not idle.connection.is_usable for idle in (pool._idle if pool else ()))
        broken += sum(not spare.line.is_open for spare in (spares._lines._spares if spares else ()))
    return broken
