"""What a line that a persona says must not hold: anything that is written and cannot be heard."""

import re
import unicodedata
from typing import Final

MAX_LINE_CHARS: Final = 300

_FAULTS: Final = (
    (re.compile(r"\A\s*\Z"), "is empty"),
    (re.compile(r"\n"), "has a line break: a spoken line is one line"),
    (re.compile(r"\A\s*(?:[-+•·●]|[0-9]{1,2}[.、)）])\s*(?![0-9])"), "begins with a list marker"),
    (re.compile(r"\*\*|[_#`~|<>\\]|https?:"), "has markdown or a web address"),
    (re.compile(r"[*（(【\[〔]"), "has a stage direction or brackets: say it, or leave it out"),
)
_SILENT_CATEGORIES: Final = frozenset({"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn", "Me"})


def fault(line: str) -> str | None:
    """Why a line cannot be spoken as it stands; None when it can."""
    for pattern, reason in _FAULTS:
        if pattern.search(line):
            return reason
    if silent := next((char for char in line if _is_silent(char)), None):
        return f"has {unicodedata.name(silent, f'U+{ord(silent):04X}').lower()}, which has no sound"
    if not any(map(str.isalnum, line)):
        return "has no words"
    if len(line) > MAX_LINE_CHARS:
        return f"has {len(line)} characters: nobody says more than {MAX_LINE_CHARS} in one breath"
    return None


def _is_silent(char: str) -> bool:
    return unicodedata.category(char) in _SILENT_CATEGORIES and char not in "°℃℉"
