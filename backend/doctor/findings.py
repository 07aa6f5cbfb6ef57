"""What the doctor says, one line each."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only `WRONG` makes the exit status 1."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them; holds no secret.

    Attributes:
        check: what was looked at.
        text: what was found.
        remedy: what to do about it; empty where nothing has to be done.
    """

    check: str
    level: Level
    text: str
    remedy: str = ""


def fine(check: str, text: str) -> Finding:
    """As it should be."""
    return Finding(check, Level.OK, text)


def skipped(check: str, why: str) -> Finding:
    """Not looked at."""
    return Finding(check, Level.SKIPPED, why)


def doubtful(check: str, text: str, remedy: str) -> Finding:
    """Calls may work, or work less well."""
    return Finding(check, Level.WARNING, text, remedy)


def wrong(check: str, text: str, remedy: str) -> Finding:
    """Calls will not work."""
    return Finding(check, Level.WRONG, text, remedy)


def exit_status(findings: Iterable[Finding]) -> int:
    """1 where something is wrong, else 0."""
    return int(any(finding.level is Level.WRONG for finding in findings))


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each, and one that sums up."""
    counts = {level: sum(finding.level is level for finding in findings) for level in (Level.WRONG, Level.WARNING)}
    lines = [f"{finding.level:<8} {finding.check:<11} {_sentence(finding)}" for finding in findings]
    return "\n".join([*lines, f"{counts[Level.WRONG]} wrong, {counts[Level.WARNING]} warnings"])


def as_json(findings: Sequence[Finding]) -> str:
    """`{"ok": BOOL, "findings": [{"check", "level", "text", "remedy"}]}`."""
    body = {"ok": exit_status(findings) == 0, "findings": [asdict(finding) for finding in findings]}
    return json.dumps(body, ensure_ascii=False, indent=2)


def _sentence(finding: Finding) -> str:
    return " ".join(f"{finding.text}: {finding.remedy}".split()) if finding.remedy else finding.text
