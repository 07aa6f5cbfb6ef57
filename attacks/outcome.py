"""What an attack did and what came of it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from attacks.target import Target


@dataclass
class Outcome:
    """Counts.

    Attributes:
        tried: attempts, of whichever kind the attack makes.
        harm: attempts that got what they must not get.
        note: what the numbers are of.
        wanted: so many attempts make the attack what it is called; 0 where any number does.
        let_go: attackers that the server hung up on.
        crashes: answers that admit a fault of the server's own.
    """

    tried: int = 0
    harm: int = 0
    note: str = ""
    wanted: int = 0
    let_go: int = 0
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an attack ends."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """From now on."""
        return cls(time.monotonic() + seconds)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self.at

    @property
    def left_s(self) -> float:
        """Until then."""
        return max(0.0, self.at - time.monotonic())


Attack = Callable[[Target, Deadline], Awaitable[Outcome]]
