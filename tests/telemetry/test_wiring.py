"""A whole server shows what it measures."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.handler import server
from backend.settings import load
from tests.support.caller import dialled

NOBODYS = {
    "VOLC_API_KEY": "k",
    "ARK_API_KEY": "a",
    "VAD": "off",
    "CALL_PORT": "0",
    "WEB_PORT": "0",
    "DATABASE_URL": "memory:",
}
"""Vendors that nobody calls here."""


@asynccontextmanager
async def running(**values: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with served(**values) as (http, _):
        yield http


@asynccontextmanager
async def served(**values: str) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """The page's address, and the calls'."""
    async with server(load({**NOBODYS, **values})) as banner:
        page, calls = re.search(r"http://localhost:\d+", banner), re.search(r"ws://\S+", banner)
        assert page is not None
        assert calls is not None
        async with aiohttp.ClientSession(page[0]) as http:
            yield http, calls[0]


async def test_a_server_shows_its_own_limits_and_that_it_takes_calls() -> None:
    async with running(MAX_CALLS="7") as http:
        async with http.get("/metrics") as response:
            families = {family.name: family for family in text_string_to_metric_families(await response.text())}
        async with http.get("/healthz") as response:
            health = await response.json()

    assert families["lvc_calls_limit"].samples[0].value == 7
    assert families["lvc_accepting"].samples[0].value == 1
    assert families["lvc_turn_stage_seconds"].samples[0].labels["provider"] == "volcengine"
    assert families["process_cpu_seconds"].samples
    assert (health["status"], health["calls"], health["accepting"]) == ("ok", 0, True)


@pytest.mark.parametrize(("metrics", "status"), [("true", 200), ("false", 404)])
async def test_metrics_can_be_switched_off(metrics: str, status: int) -> None:
    async with running(METRICS=metrics) as http, http.get("/metrics") as response:
        assert response.status == status


async def test_a_server_that_is_later_than_it_may_be_says_so_everywhere() -> None:
    """Every loop is later than a ten-thousandth of a millisecond, and there is a call to protect."""
    async with served(MAX_LOOP_LAG_MS="0.0001") as (http, calls), dialled(calls), asyncio.timeout(20):
        accepting = True
        while accepting:
            async with http.get("/healthz") as response:
                accepting = (await response.json())["accepting"]
        async with http.get("/api/admission") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
        async with http.get("/metrics") as response:
            assert "\nlvc_accepting 0.0\n" in await response.text()
