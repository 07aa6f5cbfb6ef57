"""What a check can come to, and the register of checks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import getdoc
from typing import TYPE_CHECKING, Final

from conformance.wire import Down, hexed

if TYPE_CHECKING:
    from conformance.bench import Bench


class Verdict(StrEnum):
    """How a check ended. Only `FAILED` speaks against the one who is judged."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_OFFERED = "not offered"
    NOT_TRIED = "not tried"


class Broken(Exception):  # noqa: N818 - a finding, not an error of the kit's
    """A rule was broken; the message says how, and shows the frame."""

    def __init__(self, how: str, frame: Down | bytes | str | None = None) -> None:
        shown = "" if frame is None else f": {frame.shown() if isinstance(frame, Down) else hexed(frame)}"
        super().__init__(how + shown)


class NotOffered(Exception):  # noqa: N818
    """The server does without this extension, which is its right."""


class NotTried(Exception):  # noqa: N818
    """Something is missing that the check needs; the message says what."""


class CannotRun(Exception):  # noqa: N818
    """There is nobody to judge."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule.

    Attributes:
        section: of the protocol.
        alone: it needs the server for itself, so nothing else runs beside it.
    """

    name: str
    section: str
    about: str
    run: Callable[["Bench"], Awaitable[str | None]]
    alone: bool = False

    @property
    def group(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What one check came to."""

    name: str
    section: str
    verdict: Verdict
    evidence: str = ""
    seconds: float = 0.0


GROUPS: Final = (
    "frames",
    "tolerance",
    "bounds",
    "events",
    "states",
    "ordering",
    "errors",
    "resume",
    "extensions",
    "shutdown",
)

CHECKS: Final[dict[str, Check]] = {}

_Run = Callable[["Bench"], Awaitable[str | None]]


def check(name: str, section: str, *, alone: bool = False) -> Callable[[_Run], _Run]:
    """Register a check under its name; its docstring is what people read about it."""

    def register(run: _Run) -> _Run:
        if name in CHECKS or name.partition(".")[0] not in GROUPS:
            raise ValueError(f"{name} is taken, or of no group")
        CHECKS[name] = Check(name, section, " ".join((getdoc(run) or "").split()), run, alone)
        return run

    return register
