"""Says in one line what is wrong with a card, in the words of its author and not of the library that found it."""

import difflib
from collections.abc import Collection
from typing import Any, Final

from pydantic import ValidationError

_REASONS: Final = {
    "missing": "missing",
    "string_type": "must be text; put quotes around it if it looks like a number, a date, yes or no",
    "float_type": "must be a number",
    "greater_than_equal": "must be from 0.5 to 2.0",
    "less_than_equal": "must be from 0.5 to 2.0",
    "tuple_type": "must be a list",
    "model_type": "must be keys with values",
    "too_short": "is empty",
}
_PATTERNS: Final = {
    "id": "must be 1 to 64 of A-Z a-z 0-9 - _",
    "language": "must be a language tag such as zh-CN or en-GB",
    "avatar": "must be the name of an SVG file, such as mei.svg",
}
_UNKNOWN: Final = ("extra_forbidden", "invalid_key")


def complaint(error: ValidationError, keys: Collection[str]) -> str:
    """`KEY: REASON` of the first fault. An unknown key comes first: it is often the missing one, misspelt."""
    faults = error.errors(include_url=False, include_input=False)
    fault = next((fault for fault in faults if fault["type"] in _UNKNOWN), faults[0])
    *path, last = fault["loc"] or ("card",)
    if fault["type"] in _UNKNOWN:
        return f"{_key((*path, str(last)))}: unknown key{_did_you_mean(str(last), keys)}"
    return f"{_key((*path, last))}: {_reason(fault['type'], str(last), fault.get('ctx', {}), fault['msg'])}"


def _key(loc: tuple[int | str, ...]) -> str:
    """`examples[4].answer`; counted from 1, as people count."""
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in loc)
    return key.removeprefix(".")


def _reason(kind: str, key: str, context: dict[str, Any], message: str) -> str:
    match kind:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"must be {context['expected']}"
        case "string_pattern_mismatch":
            return _PATTERNS.get(key, message)
        case _:
            return _REASONS.get(kind, message)


def _did_you_mean(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
