"""The table of charges: rows of what was paid for, and the days' totals; see `backend.store.asking`.

Amounts are whole billionths of a yuan: every database adds those up exactly.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from backend.expenses import Charge
from backend.store.asking import Ask, Script
from backend.store.records import Billed, Charged
from backend.store.totals import Total, added_up, day_of

_NANO: Final = Decimal(1_000_000_000)
_MODEL_CHARS: Final = 128


def rows(record: Billed | Charged) -> Iterable[dict[str, Any]]:
    """One for each line of the bill."""
    return (_row(record, key, charge) for key, charge in record.items)


def newest() -> Script[int]:
    """The id of the last line that was written."""
    return int((yield Ask("newest_charge", {})).rows[0][0])


def between(first: str, last: str, newest: int) -> Script[tuple[Total, ...]]:
    """The totals of these days, both included, of the lines up to this id."""
    asked = {"first": first, "last": last, "newest": newest}
    return added_up(_total(row) for row in (yield Ask("costs", asked)).rows)


def _row(record: Billed | Charged, key: str, charge: Charge) -> dict[str, Any]:
    return {
        "record": key,
        "call": record.ref.call,
        "turn": record.ref.turn,
        "day": day_of(record.at_ms),
        "stage": charge.stage,
        "model": charge.model[:_MODEL_CHARS],
        "unit": charge.unit,
        "purpose": charge.purpose,
        "estimated": charge.estimated,
        "quantity": charge.quantity,
        "cny_nano": None if charge.cny is None else int((charge.cny * _NANO).to_integral_value()),
        "at_ms": record.at_ms,
    }


def _total(row: Sequence[Any]) -> Total:
    day, stage, model, unit, purpose, estimated, quantity, nano = row
    cny = None if nano is None else Decimal(int(nano)) / _NANO
    return Total(day, Charge(stage, model, unit, purpose, bool(estimated), int(quantity), cny))
