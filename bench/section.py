"""What a part of the benchmark hands in: its words and tables, and how it stands to what was aimed at. Pure."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure with its aim."""

    figure: str
    aim: str
    reached: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part, measured.

    Attributes:
        text: Markdown: method, tables, remarks.
        failures: what could not be measured, and why.
        skipped: there was nothing to measure; an earlier run's figures stay.
    """

    title: str
    text: str
    aims: tuple[Aim, ...] = ()
    failures: tuple[str, ...] = ()
    machine: str = ""
    day: str = ""
    skipped: bool = False

    def on(self, machine: str, day: str) -> "Section":
        """With where and when it was measured."""
        return replace(self, machine=machine, day=day)

    def as_json(self) -> dict[str, Any]:
        """To be kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Section":
        """As it was kept."""
        aims = tuple(Aim(**each) for each in kept["aims"])
        return cls(**{**kept, "aims": aims, "failures": tuple(kept["failures"])})


def judged(figure: str, bound: float, reached: float, unit: str, digits: int = 0) -> Aim:
    """At most so much was aimed at; NaN was not measured."""
    return Aim(figure, f"≤ {bound:g}{unit}", *_verdict(reached, f"{reached:.{digits}f}{unit}", reached <= bound))


def judged_least(figure: str, bound: float, reached: float, unit: str, digits: int = 0) -> Aim:
    """At least so much was aimed at; NaN was not measured."""
    return Aim(figure, f"≥ {bound:g}{unit}", *_verdict(reached, f"{reached:.{digits}f}{unit}", reached >= bound))


def _verdict(reached: float, shown: str, is_reached: bool) -> tuple[str, str]:
    if math.isnan(reached):
        return "-", NOT_MEASURED
    return shown, "reached" if is_reached else "not reached"
