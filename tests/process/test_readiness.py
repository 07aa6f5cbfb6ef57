"""Whether a server should be sent calls."""

import asyncio
from typing import Any

import pytest

from backend import compose
from backend.process.readiness import Readiness, listens, place_of
from backend.settings import load
from backend.telemetry.readings import Readings

ENDPOINTS = {"asr": ("wss://ears.example/x",), "llm": ("https://a.example", "http://b.example:81/v1")}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Services:
    """Those of the places in `up` listen."""

    def __init__(self, *up: tuple[str, int]) -> None:
        self.up = set(up)
        self.asked: list[tuple[str, int]] = []

    async def probe(self, host: str, port: int) -> bool:
        self.asked.append((host, port))
        return (host, port) in self.up


def readiness(services: Services, refusing: str = "") -> Readiness:
    readings = Readings(2, 9, not refusing, 0.0, 0, 0, refusing)
    return Readiness(ENDPOINTS, lambda: readings, lambda: "up", services.probe)


async def test_before_the_first_look_it_is_starting() -> None:
    assert readiness(Services()).verdict().reason == "starting"


async def test_one_service_of_each_stage_is_enough() -> None:
    ours = readiness(Services(("ears.example", 443), ("b.example", 81)))
    await ours.look()

    assert ours.verdict().reason == ""
    assert ours.verdict().facts == {"calls": 2, "providers": {"asr": True, "llm": True}, "database": "up"}


async def test_a_stage_that_nobody_answers_for_is_named() -> None:
    ours = readiness(Services(("a.example", 443)))
    await ours.look()

    assert ours.verdict().reason == "providers"
    assert ours.verdict().facts["providers"] == {"asr": False, "llm": True}


async def test_a_server_that_refuses_calls_says_why_whatever_its_services_do() -> None:
    ours = readiness(Services(), refusing="draining")
    await ours.look()

    assert ours.verdict().reason == "draining"


async def test_asking_costs_no_probe() -> None:
    services = Services()
    ours = readiness(services)
    await ours.look()
    for _ in range(100):
        ours.verdict()

    assert len(services.asked) == 3


async def test_it_looks_again_until_a_service_is_back() -> None:
    services = Services(("ears.example", 443))
    ours = readiness(services)
    watching = asyncio.create_task(ours.watch(every_s=0.001))
    try:
        async with asyncio.timeout(5):
            while ours.verdict().reason != "providers":  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            services.up.add(("a.example", 443))
            while ours.verdict().reason:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    finally:
        watching.cancel()


async def test_a_port_that_somebody_listens_at_is_told_from_one_that_nobody_does() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    assert await listens("127.0.0.1", port)
    server.close()
    await server.wait_closed()
    assert not await listens("127.0.0.1", port)


@pytest.mark.parametrize(
    ("url", "proxy", "place"),
    [
        ("wss://a.example/x", None, ("a.example", 443)),
        ("http://a.example:81", None, ("a.example", 81)),
        ("wss://a.example/x", "http://gate.example:3128", ("gate.example", 3128)),
        ("http://127.0.0.1:8899", "http://gate.example:3128", ("127.0.0.1", 8899)),
    ],
)
def test_where_a_proxy_stands_before_a_service_the_proxy_is_looked_for(
    url: str, proxy: str | None, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("http_proxy", proxy)

    assert place_of(url) == place


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"asr": "http://127.0.0.1:8899", "llm": "http://127.0.0.1:8899", "tts": "http://127.0.0.1:8899"}),
        (
            {"VOLC_API_KEY": "k", "DASHSCOPE_API_KEY": "d"},
            {
                "asr": "wss://openspeech.bytedance.com/api/v3/sauc",
                "llm": "https://dashscope.aliyuncs.com/compatible-mode/v1",
                "tts": "wss://openspeech.bytedance.com/api/v3/tts/bidirection",
            },
        ),
    ],
)
def test_the_services_are_those_that_the_settings_choose(values: dict[str, Any], expected: dict[str, str]) -> None:
    assert {stage: urls[0] for stage, urls in compose.endpoints(load(values)).items()} == expected
