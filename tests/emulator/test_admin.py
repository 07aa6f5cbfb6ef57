"""The paths by which a test in another process steers the emulator."""

from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from emulator import admin
from emulator.house import House
from emulator.script import Script
from emulator.server import application, listen
from tests.emulator.dial import ASR_HEADERS, SILENCE_100_MS, asr_request, audio, dialled
from tests.support.emulator import EmulatorHandle, running_emulator


async def _asked(vendor: EmulatorHandle, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.request(method, vendor.http_url + path, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_script_that_is_put_is_what_happens_next_and_what_is_left_can_be_read() -> None:
    async with running_emulator() as vendor:
        script = {"hears": [{"text": "喂", "after_ms": 100}], "replies": ["嗨"]}
        status, _ = await _asked(vendor, "PUT", "/admin/script", script)
        async with dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
            await line.send(asr_request())
            await line.receive()
            await line.send(audio(SILENCE_100_MS))
            heard = (await line.receive()).json()["result"]["text"]
        left = await _asked(vendor, "GET", "/admin/script")
        await _asked(vendor, "PUT", "/admin/script", {})

    assert (status, heard) == (200, "喂")
    assert left == (200, {"hears": [], "replies": [{"text": "嗨", "tokens": [], "thinks": ""}], "faults": []})


@pytest.mark.parametrize("body", [{"hears": 1}, {"surprise": 1}, [], "x"])
async def test_a_broken_script_is_refused_with_its_key_and_changes_nothing(body: Any) -> None:
    async with running_emulator(Script(replies=("嗨",)), may_leave_lines=True) as vendor:
        status, answer = await _asked(vendor, "PUT", "/admin/script", body)

        assert status == 400
        assert list(answer) == ["error"]
        assert vendor.left()["replies"]


async def test_stats_are_read_and_forgotten_but_open_connections_still_count() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.receive()
        _, before = await _asked(vendor, "GET", "/admin/stats")
        await _asked(vendor, "DELETE", "/admin/stats")
        _, after = await _asked(vendor, "GET", "/admin/stats")

    assert [(s["asr"]["handshakes"], s["asr"]["sessions"], s["asr"]["open"]) for s in (before, after)] == [
        (1, 1, 1),
        (0, 0, 1),
    ]
    assert after["asr"]["requests"] == []


async def test_a_fault_is_told_of_when_it_strikes_and_not_when_it_is_due() -> None:
    fault = {"service": "asr", "kind": "error", "at": "mid"}
    script = Script.model_validate({"hears": [{"text": "喂", "after_ms": 100}], "faults": [fault]})
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.receive()
        _, due = await _asked(vendor, "GET", "/admin/stats")
        await line.send(audio(SILENCE_100_MS))
        await line.receive()
        _, struck = await _asked(vendor, "GET", "/admin/stats")
        await _asked(vendor, "DELETE", "/admin/stats")
        _, forgotten = await _asked(vendor, "GET", "/admin/stats")

    assert [stats["strikes"] for stats in (due, forgotten)] == [[], []]
    assert [(each["service"], each["kind"], each["at"]) for each in struck["strikes"]] == [("asr", "error", "mid")]


@pytest.mark.parametrize(
    ("remote", "allowed"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), (None, False), ("x", False)]
)
def test_only_this_machine_may_steer(remote: str | None, allowed: bool) -> None:
    assert admin.may_use(cast("web.Request", SimpleNamespace(remote=remote))) is allowed


@pytest.mark.parametrize("path", ["/admin/script", "/admin/stats"])
async def test_a_stranger_is_turned_away_from_the_admin_paths(path: str) -> None:
    gate = application(House("scripted", Script())).middlewares[0]
    stranger = make_mocked_request("GET", path).clone(remote="192.0.2.7")

    with pytest.raises(web.HTTPForbidden):
        await gate(stranger, _never)


async def _never(_: web.Request) -> web.Response:
    raise AssertionError("a stranger came in")


async def test_no_service_is_asked_before_the_engines_are_loaded() -> None:
    house = House("on-device", Script())
    runner, port = await listen(house, "127.0.0.1", 0)
    try:
        vendor = EmulatorHandle(house, port)
        assert await _asked(vendor, "GET", "/healthz") == (503, {"status": "loading", "engine": "on-device"})
        assert (await _asked(vendor, "POST", "/v1/chat/completions"))[0] == 503
    finally:
        await runner.cleanup()
