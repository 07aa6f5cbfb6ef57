"""What the days have cost, for the operator: `GET /api/costs`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from backend.api.admin import require_admin
from backend.expenses import UNKNOWN, known_cny, shown, unpriced
from backend.store.records import now_ms
from backend.store.totals import Total, day_of

Costs = Callable[[str, str], Awaitable[Sequence[Total]]]

MOST_DAYS: Final = 400
_USUAL_DAYS: Final = 30
_FIRST_END: Final = date.min + timedelta(days=_USUAL_DAYS - 1)


def routes(costs: Costs) -> list[web.RouteDef]:
    """The path.

    Args:
        costs: (first day, last day) → the totals of these days, both included.
    """

    async def get_costs(request: web.Request) -> web.Response:
        require_admin(request)
        first, last = _span(request)
        totals = await costs(first.isoformat(), last.isoformat())
        days = [_day(day, list(lines)) for day, lines in groupby(totals, key=lambda total: total.day)]
        body = {"from": first.isoformat(), "to": last.isoformat(), "currency": "CNY", **_sum(totals), "days": days}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    return [web.get("/api/costs", get_costs)]


def _span(request: web.Request) -> tuple[date, date]:
    """The days that are asked for: the last thirty unless said otherwise.

    Raises:
        web.HTTPBadRequest: those are no days, or too many.
    """
    last = _date(request, "to") or date.fromisoformat(day_of(now_ms()))
    first = _date(request, "from") or max(last, _FIRST_END) - timedelta(days=_USUAL_DAYS - 1)
    if not timedelta() <= last - first < timedelta(days=MOST_DAYS):
        raise web.HTTPBadRequest(text=f"from and to are 1 to {MOST_DAYS} days, the earlier one first\n")
    return first, last


def _date(request: web.Request, name: str) -> date | None:
    text = request.query.get(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as exc:
        raise web.HTTPBadRequest(text=f"{name} is a day such as 2026-01-31\n") from exc


def _day(day: str, totals: Sequence[Total]) -> dict[str, Any]:
    return {"day": day, **_sum(totals), "lines": [_line(total) for total in totals]}


def _sum(totals: Sequence[Total]) -> dict[str, Any]:
    charges = [total.charge for total in totals]
    unknown, known = unpriced(charges), shown(known_cny(charges))
    return {"cny": UNKNOWN if unknown else known, "known_cny": known, "unpriced": list(unknown)}


def _line(total: Total) -> dict[str, Any]:
    charge = total.charge
    return {
        "stage": charge.stage,
        "model": charge.model,
        "unit": charge.unit,
        "purpose": charge.purpose,
        "estimated": charge.estimated,
        "quantity": charge.quantity,
        "cny": None if charge.cny is None else f"{charge.cny:f}",
    }
