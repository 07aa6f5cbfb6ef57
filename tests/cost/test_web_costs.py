"""`GET /api/costs`: what the days have cost, for the operator alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.api import costs as web_costs
from backend.api.admin import DOOR
from backend.expenses import Charge
from backend.ports import TurnBill, TurnRef
from backend.store.memory import MemoryStore
from backend.store.totals import Total, day_of

SPEECH = Charge("tts", "cosyvoice-v2", "characters", "reply", False, 4210, Decimal("0.842"))
ODD = Charge("llm", "llama3", "input_tokens", "wasted", True, 900, None)
TOTALS = (Total("2026-01-30", SPEECH), Total("2026-01-31", SPEECH), Total("2026-01-31", ODD))


@asynccontextmanager
async def asking(costs: web_costs.Costs, **access: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    app = web.Application()
    app[DOOR] = Door(AccessSettings(**access))
    app.add_routes(web_costs.routes(costs))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as http:
            yield http, f"http://localhost:{runner.addresses[0][1]}/api/costs"
    finally:
        await runner.cleanup()


async def some(_first: str, _last: str) -> tuple[Total, ...]:
    return TOTALS


async def test_each_day_is_told_line_by_line_and_what_has_no_price_makes_a_sum_unknown() -> None:
    async with asking(some) as (http, url), http.get(f"{url}?from=2026-01-30&to=2026-01-31") as answer:
        told = await answer.json()

    assert {name: told[name] for name in ("from", "to", "cny", "known_cny", "unpriced")} == {
        "from": "2026-01-30",
        "to": "2026-01-31",
        "cny": "unknown",
        "known_cny": "1.6840",
        "unpriced": ["llama3"],
    }
    assert [(day["day"], day["cny"], len(day["lines"])) for day in told["days"]] == [
        ("2026-01-30", "0.8420", 1),
        ("2026-01-31", "unknown", 2),
    ]
    assert told["days"][1]["lines"][1] == {
        "stage": "llm",
        "model": "llama3",
        "unit": "input_tokens",
        "purpose": "wasted",
        "estimated": True,
        "quantity": 900,
        "cny": None,
    }


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-02-30", "from=2026-02-01&to=2026-01-01", "from=2024-01-01&to=2026-01-01"]
)
async def test_what_is_no_span_of_days_is_refused(query: str) -> None:
    async with asking(some) as (http, url), http.get(f"{url}?{query}") as answer:
        assert answer.status == 400


async def test_without_days_the_last_thirty_are_told() -> None:
    asked: list[tuple[str, str]] = []

    async def none(first: str, last: str) -> tuple[Total, ...]:
        asked.append((first, last))
        return ()

    async with asking(none) as (http, url), http.get(f"{url}?to=2026-03-01") as answer:
        told = await answer.json()

    assert asked == [("2026-01-31", "2026-03-01")]
    assert (told["cny"], told["days"]) == ("0.0000", [])


async def test_nobody_but_the_operator_is_told() -> None:
    async with asking(some, admin_token="a-long-admin-token") as (http, url):
        headers = {"Host": "call.example", "X-Forwarded-For": "203.0.113.9"}
        async with http.get(url, headers=headers) as answer:
            assert answer.status == 403
        async with http.get(url, headers={**headers, "Authorization": "Bearer a-long-admin-token"}) as answer:
            assert answer.status == 200


async def test_a_server_without_a_database_knows_its_own_days() -> None:
    store = MemoryStore(20)
    for _ in range(2):
        store.account("sid", TurnRef("call", 1), TurnBill("answered", "", {}, {}, (SPEECH,)))
    store.charge(TurnRef("call"), (ODD,))

    async with asking(store.costs) as (http, url), http.get(url) as answer:
        told = await answer.json()

    assert [(line["quantity"], line["cny"]) for line in told["days"][0]["lines"]] == [(900, None), (8420, "1.684")]


def test_a_day_begins_when_it_does_in_beijing() -> None:
    midnight_utc_ms = 1_767_225_600_000  # 2026-01-01

    assert [day_of(midnight_utc_ms - 8 * 3_600_000 + ms) for ms in (-1, 0)] == ["2025-12-31", "2026-01-01"]


@pytest.mark.parametrize("query", ["to=0001-01-01", "to=0001-01-29", "to=0001-01-30"])
async def test_the_first_days_of_all_have_fewer_before_them(query: str) -> None:
    async with asking(some) as (http, url), http.get(f"{url}?{query}") as answer:
        assert (answer.status, (await answer.json())["from"]) == (200, "0001-01-01")
