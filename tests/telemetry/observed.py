"""An observer that keeps what it was told."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from backend.expenses import Charge
from backend.telemetry.observer import Refusal, TurnReport


@dataclass
class Notebook:
    began: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    turns: list[TurnReport] = field(default_factory=list)
    ended: int = 0
    charges: list[Charge] = field(default_factory=list)

    def call_began(self, _call: Hashable, sid: str) -> None:
        self.began.append(sid)

    def call_refused(self, reason: Refusal) -> None:
        self.refused.append(reason)

    def turn_done(self, _call: Hashable, report: TurnReport) -> None:
        self.turns.append(report)

    def charged(self, charges: Sequence[Charge]) -> None:
        self.charges.extend(charges)

    def call_ended(self, _call: Hashable) -> None:
        self.ended += 1
