"""How spoken English ends, and how it shows that it goes on. Pure."""

import re
from typing import Final

from backend.call.spoken import Clause, Completeness

_GOES_ON: Final = re.compile(r"\b(um|uh|er|and|but|because|so|or|to|the|a|an|of|my|your|like|you know|i mean)$")
_ASKS: Final = re.compile(r"^(what|why|how|when|where|who|which|do|does|did|is|are|can|could|will|would|have)\b.* .* ")


def judge_english(clause: Clause) -> Completeness:
    """The verdict on a text that ends in English."""
    if _GOES_ON.search(clause.last) and not clause.asks:
        return Completeness.UNFINISHED
    if _ASKS.search(clause.last) or clause.ends:
        return Completeness.OPEN if clause.goes_on else Completeness.COMPLETE
    return Completeness.UNFINISHED if clause.goes_on else Completeness.OPEN
