"""Says in one line what is wrong with a card, in the words of its author."""

import difflib
from collections.abc import Collection

from backend.shapes import MisshapenError


def complaint(error: MisshapenError, keys: Collection[str]) -> str:
    """`KEY: REASON` of the first fault. An unknown key comes first: it is often the missing one, misspelt."""
    fault = next((fault for fault in error.faults if fault.is_unknown), error.faults[0])
    hint = _did_you_mean(str(fault.path[-1]), keys) if fault.is_unknown else ""
    return f"{_key(fault.path or ('card',))}: {fault.reason}{hint}"


def _key(loc: tuple[int | str, ...]) -> str:
    """`examples[4].answer`; counted from 1, as people count."""
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in loc)
    return key.removeprefix(".")


def _did_you_mean(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
