"""The timings of one turn, each counted from the end of the caller's speech."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal

Clock = Callable[[], float]
"""Seconds, monotonic."""

Mark = Literal["asr_final", "endpoint", "request_sent", "llm_first_token", "tts_first_text", "tts_first_byte"]
Delivery = Literal["first_audio", "done"]

on_request_sent: ContextVar[Callable[[], None] | None] = ContextVar("on_request_sent", default=None)
"""What a chat adapter calls when a request's last byte has left; set in the task that asks for the reply."""

on_served: ContextVar[Callable[[str, str], None] | None] = ContextVar("on_served", default=None)
"""What is told that a stage was served by the provider that stands by: `(stage, family)`."""

Outcome = Literal["answered", "asked", "failed", "interrupted", "hung_up"]

MARKS: Final = (
    "asr_final",
    "endpoint",
    "request_sent",
    "llm_first_token",
    "tts_first_text",
    "tts_first_byte",
    "first_audio",
    "done",
)
"""Every mark, in the order in which an ordinary turn sets them."""


@dataclass(slots=True)
class TurnMarks:
    """When things happened in one turn.

    Attributes:
        speech_end: when the caller's last word ended, on `clock`; for a typed utterance, when it arrived.
        usage: what the services say the turn cost, by their units' names.
        cost: the same in money, as `TurnMetrics` tells it.
        failure: the code of the error that ended the reply; empty for none.
        cut_off: by whom the reply was ended before its time; empty where it was not.
        unprompted: nobody had spoken; `speech_end` is where the turn began.
        served_by: stages that another provider than the usual one has served, and which.
    """

    speech_end: float
    clock: Clock = time.monotonic
    at: dict[str, float] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    cost: dict[str, object] = field(default_factory=dict)
    failure: str = ""
    cut_off: Literal["", "interrupted", "hung_up"] = ""
    unprompted: bool = False
    served_by: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What became of the turn."""
        if self.failure and not self.cut_off:
            return "failed"
        return self.cut_off or ("asked" if self.unprompted else "answered")

    def set(self, mark: Mark | Delivery, at: float | None = None) -> None:
        """Note that it happened, now or at the given time; only the first time counts."""
        self.at.setdefault(mark, self.clock() if at is None else at)

    def move(self, mark: Mark) -> None:
        """Note that it happened now, whatever was noted before."""
        self.at[mark] = self.clock()

    def unset(self, *marks: Mark) -> None:
        """Forget them."""
        for mark in marks:
            self.at.pop(mark, None)

    def serve(self, stage: str, provider: str) -> None:
        """Another provider than the usual one has served this stage."""
        self.served_by[stage] = provider

    def spend(self, **amounts: int) -> None:
        """Add to the usage."""
        for unit, amount in amounts.items():
            self.usage[unit] = self.usage.get(unit, 0) + amount

    def in_ms(self) -> dict[str, int]:
        """Every mark that was set, in ms since the end of speech."""
        return {mark: round(1000 * (at - self.speech_end)) for mark, at in self.at.items()}

    def metrics(self) -> dict[str, object]:
        """The payload of `TurnMetrics`."""
        ms = self.in_ms()
        told: dict[str, object] = {mark: ms[mark] for mark in MARKS if mark in ms}
        told["usage"] = {**self.usage, **self.cost}
        return told | ({"served_by": dict(self.served_by)} if self.served_by else {})
