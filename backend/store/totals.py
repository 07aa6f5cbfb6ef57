"""What a day has cost, added up from the lines of bills."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from backend.expenses import Charge

DAYS_KEPT: Final = 400
"""In memory, where there is no database."""
_VENDORS_CLOCK: Final = timezone(timedelta(hours=8))
"""Days begin when the vendors' do: in Beijing."""


@dataclass(frozen=True, slots=True)
class Total:
    """All charges of one kind on one day; those without a price are a kind of their own.

    Attributes:
        day: `YYYY-MM-DD`, in Beijing.
    """

    day: str
    charge: Charge

    @property
    def key(self) -> tuple[str, str, str, str, str, bool, bool]:
        """What kind it is."""
        charge = self.charge
        kind = (charge.stage, charge.model, charge.unit, charge.purpose, charge.estimated)
        return (self.day, *kind, charge.cny is None)


def day_of(at_ms: int) -> str:
    """The day of a moment, in milliseconds since 1970, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, _VENDORS_CLOCK).date().isoformat()


def added_up(totals: Iterable[Total]) -> tuple[Total, ...]:
    """One of each kind, in order."""
    sums: dict[tuple[object, ...], Total] = {}
    for total in totals:
        before = sums.get(total.key)
        sums[total.key] = total if before is None else Total(total.day, _sum(before.charge, total.charge))
    return tuple(sorted(sums.values(), key=lambda total: total.key))


class Totals:
    """Of this process, day by day; the oldest days are forgotten."""

    def __init__(self) -> None:
        self._days: dict[str, tuple[Total, ...]] = {}

    def add(self, charges: Iterable[Charge], at_ms: int) -> None:
        """Charged at this moment."""
        day = day_of(at_ms)
        self._days[day] = added_up((*self._days.get(day, ()), *(Total(day, charge) for charge in charges)))
        for old in sorted(self._days)[:-DAYS_KEPT]:
            del self._days[old]

    def between(self, first: str, last: str) -> tuple[Total, ...]:
        """Of these days, both included."""
        return added_up(total for day, totals in self._days.items() if first <= day <= last for total in totals)


def _sum(one: Charge, other: Charge) -> Charge:
    cny: Decimal | None = None if one.cny is None or other.cny is None else one.cny + other.cny
    kind = (one.stage, one.model, one.unit, one.purpose, one.estimated)
    return Charge(*kind, one.quantity + other.quantity, cny)
