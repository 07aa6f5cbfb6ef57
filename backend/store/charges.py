"""The table of charges in SQL: rows of what was paid for, and the days' totals.

Amounts are whole billionths of a yuan: every database adds those up exactly.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.expenses import Charge
from backend.store.records import Billed, Charged
from backend.store.schema import charges
from backend.store.totals import Total, added_up, day_of

_NANO: Final = Decimal(1_000_000_000)
_MODEL_CHARS: Final = 128


def rows(record: Billed | Charged) -> Iterable[dict[str, Any]]:
    """One for each line of the bill."""
    return (_row(record, key, charge) for key, charge in record.items)


async def between(connection: AsyncConnection, first: str, last: str) -> tuple[Total, ...]:
    """The totals of these days, both included."""
    kind = [charges.c[name] for name in ("day", "stage", "model", "unit", "purpose", "estimated")]
    unknown = charges.c.cny_nano.is_(None)
    sums = func.sum(charges.c.quantity).label("quantity"), func.sum(charges.c.cny_nano).label("cny_nano")
    wanted = select(*kind, *sums).where(charges.c.day.between(first, last)).group_by(*kind, unknown)
    found = (await connection.execute(wanted)).all()
    return added_up(_total(row) for row in found)


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


def _total(row: Any) -> Total:
    cny = None if row.cny_nano is None else Decimal(int(row.cny_nano)) / _NANO
    charge = Charge(row.stage, row.model, row.unit, row.purpose, bool(row.estimated), int(row.quantity), cny)
    return Total(row.day, charge)
