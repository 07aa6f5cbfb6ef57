"""Voices that are cloned, with the vendor's service as the emulator has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from backend.errors import StoreError
from backend.voices.cloning import CloneTimes
from emulator.script import Script
from tests.support.caller import names
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.test_dashscope_calls import TURN, calling
from tests.voices.house import House, opened, recording

ASKED = {"name": "小明", "language": "zh-CN", "gender": "male", "consent": True}
ELSEWHERE = ASKED | {"url": "https://example.com/me.wav"}
CLONES = "/api/voices/clones"


@asynccontextmanager
async def cloning(public_url: str = "", **script: Any) -> AsyncIterator[tuple[House, EmulatorHandle]]:
    async with (
        running_emulator(Script.model_validate(script)) as vendor,
        opened(
            TTS_PROVIDER="dashscope",
            PUBLIC_URL=public_url,
            DASHSCOPE_API_KEY="sk-secret",
            DASHSCOPE_API_URL=f"{vendor.http_url}/api/v1",
        ) as house,
    ):
        yield house, vendor


async def step(house: House) -> bool:
    """What the server does by itself every few seconds."""
    enrolment = house.desk._cloning._enrolment
    assert enrolment is not None
    return await house.desk._cloning.step(enrolment)


def form(sample: bytes | None = None, **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData({"name": "小明", "language": "zh-CN", "gender": "male", "consent": "true"} | fields)
    if sample is not None:
        data.add_field("sample", sample, filename="me.wav", content_type="audio/wav")
    return data


async def begun(house: House, body: Any = ELSEWHERE) -> dict[str, Any]:
    status, row = await house.ask("POST", CLONES, body)
    assert status == 202, row
    return dict(row)


async def seen(house: House, row: dict[str, Any]) -> dict[str, Any]:
    return dict((await house.ask("GET", f"/api/voices/{row['id']}"))[1])


def requests(vendor: EmulatorHandle) -> list[dict[str, Any]]:
    return [request["json"]["input"] for request in vendor.stats()["customization"]["requests"]]


async def test_a_voice_is_enrolled_deployed_and_offered_and_deleted_at_the_vendor_too() -> None:
    async with cloning(limits={"voice_deploy_ms": 60_000}) as (house, vendor):
        row = await begun(house)
        assert await step(house)
        deploying = await seen(house, row)
        assert await step(house)
        vendor.house.voices.get(deploying["voice"]).deployed = vendor.house.voices.get(deploying["voice"]).created  # type: ignore[union-attr]
        assert await step(house)
        ready = await seen(house, row)
        _, hers = await house.ask("GET", "/api/personas/qiao_qingqing/voices")
        assert not await step(house)
        status, _ = await house.ask("DELETE", f"/api/voices/{row['id']}")
        asked = requests(vendor)
        left = vendor.house.voices.ready()

    assert row["status"] == "enrolling"
    assert (deploying["status"], ready["status"], ready["usable"]) == ("deploying", "ready", True)
    assert ready["consent_ms"] == row["consent_ms"] > 0
    assert ready["voice"] in [voice["id"] for voice in hers["voices"] if voice["kind"] == "cloned"]
    assert [each["action"] for each in asked] == ["create_voice", *["query_voice"] * 2, "delete_voice"]
    assert asked[0] == {
        "action": "create_voice",
        "target_model": "cosyvoice-v2",
        "prefix": f"lvc{row['id'][-7:]}",
        "url": "https://example.com/me.wav",
        "language_hints": ["zh"],
    }
    assert status == 204
    assert left == set()


async def test_a_recording_is_served_to_the_vendor_by_a_secret_name_and_is_gone_when_the_voice_is_ready() -> None:
    sample = recording()
    async with cloning(public_url="https://call.example.com/") as (house, vendor):
        status, row = await house.ask("POST", CLONES, data=form(sample))
        await step(house)
        url = requests(vendor)[0]["url"]
        path = url.removeprefix("https://call.example.com")
        there = await house.ask("GET", path, headers={"X-Forwarded-For": "47.0.0.1"})
        await step(house)
        ready = await seen(house, row)
        gone, _ = await house.ask("GET", path)

    assert status == 202
    assert path.startswith("/api/voices/samples/")
    assert len(path) > len("/api/voices/samples/") + 43
    assert there == (200, sample)
    assert (ready["status"], gone) == ("ready", 404)


async def test_without_a_public_address_a_recording_is_refused_and_the_remedy_named() -> None:
    async with cloning() as (house, _):
        _, state = await house.ask("GET", CLONES)
        status, answer = await house.ask("POST", CLONES, data=form(recording()))
        _, after = await house.ask("GET", CLONES)

    assert (state["possible"], state["uploads"], state["allowed"]) == (True, False, True)
    assert (status, answer["code"]) == (409, "no_public_url")
    assert "PUBLIC_URL" in answer["error"]
    assert after["voices"] == []


async def test_without_an_account_there_is_no_cloning() -> None:
    async with opened() as house:
        _, state = await house.ask("GET", CLONES)
        status, answer = await house.ask("POST", CLONES, ELSEWHERE)

    assert state["possible"] is False
    assert (status, answer["code"]) == (409, "no_account")
    assert "DASHSCOPE_API_KEY" in answer["error"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"consent": False}, "consent"),
        ({"consent": None}, "consent"),
        ({"consent": "yes"}, "consent"),
        ({"name": ""}, "name"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": None}, "url"),
        ({"language": "中文"}, "language"),
        ({"model": "cosyvoice-v1"}, "model"),
    ],
)
async def test_what_cannot_become_a_voice_is_refused_before_the_vendor_hears_of_it(
    change: dict[str, Any], field: str
) -> None:
    async with cloning() as (house, vendor):
        status, answer = await house.ask("POST", CLONES, ELSEWHERE | change)
        await step(house)

        assert (status, answer["field"]) == (400, field)
        assert requests(vendor) == []


async def test_nothing_is_cloned_without_a_word_on_consent() -> None:
    without = {key: value for key, value in ELSEWHERE.items() if key != "consent"}
    async with cloning(public_url="https://call.example.com") as (house, _):
        told, answer = await house.ask("POST", CLONES, without)
        sent, form_answer = await house.ask("POST", CLONES, data=form(recording(), consent="false"))

    assert (told, answer["field"]) == (400, "consent")
    assert (sent, form_answer["field"]) == (400, "consent")


@pytest.mark.parametrize(
    ("sample", "status", "code"),
    [
        (recording(seconds=2), 400, "too_short"),
        (b"not a recording", 400, "format"),
        (bytes(10 * 1024 * 1024 + 1), 413, "too_large"),
    ],
)
async def test_a_recording_that_will_not_do_is_refused_at_once(sample: bytes, status: int, code: str) -> None:
    async with cloning(public_url="https://call.example.com") as (house, _):
        answer = await house.ask("POST", CLONES, data=form(sample))

    assert (answer[0], answer[1]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"kind": "refuse", "status": 400, "code": "Audio.AudioShortError", "message": "too short"}, "too_short"),
        ({"kind": "refuse", "status": 400, "code": "Audio.AudioSilentError", "message": "silent"}, "silent"),
        ({"kind": "refuse", "status": 430, "code": "Throttling.AllocationQuota", "message": "quota"}, "quota"),
        ({"kind": "refuse", "status": 401, "message": "Invalid key sk-secret"}, "key"),
        ({"kind": "refuse", "status": 400, "code": "BadRequest.Odd", "message": "odd"}, "refused"),
        ({"kind": "refuse", "status": 500, "message": "down"}, "unavailable"),
    ],
)
async def test_what_the_vendor_has_against_it_is_shown(fault: dict[str, Any], problem: str) -> None:
    async with cloning(faults=[{"service": "customization", **fault}]) as (house, _):
        row = await begun(house)
        await step(house)
        failed = await seen(house, row)
        deleted, _ = await house.ask("DELETE", f"/api/voices/{row['id']}")

    assert (failed["status"], failed["problem"], failed["usable"]) == ("failed", problem, False)
    assert "the service answered" in failed["detail"]
    assert "sk-secret" not in failed["detail"]
    assert deleted == 204


async def test_a_voice_that_the_vendor_rejects_in_the_end_has_failed() -> None:
    async with cloning(limits={"voices_rejected": True}) as (house, _):
        row = await begun(house)
        await step(house)
        await step(house)

        assert (await seen(house, row))["problem"] == "refused"


async def test_a_voice_that_is_never_ready_fails_in_the_end() -> None:
    async with cloning(limits={"voice_deploy_ms": 60_000}) as (house, _):
        row = await begun(house)
        await step(house)
        house.desk._cloning._times = CloneTimes(deploy_s=-1)
        await step(house)

        assert (await seen(house, row))["problem"] == "timed_out"


async def test_a_service_that_stumbles_while_it_makes_the_voice_is_asked_again() -> None:
    fault = {"service": "customization", "kind": "refuse", "status": 503, "nth": 2}
    async with cloning(faults=[fault]) as (house, _):
        row = await begun(house)
        await step(house)
        await step(house)
        stumbled = await seen(house, row)
        await step(house)
        ready = await seen(house, row)

    assert (stumbled["status"], ready["status"]) == ("deploying", "ready")


async def test_a_voice_that_a_stopped_server_never_asked_for_has_failed_after_a_while() -> None:
    async with cloning() as (house, vendor):
        row = await begun(house)
        house.desk._cloning._requests.clear()
        await step(house)
        waiting = await seen(house, row)
        house.desk._cloning._times = CloneTimes(interrupted_s=-1)
        await step(house)

        assert waiting["status"] == "enrolling"
        assert (await seen(house, row))["problem"] == "interrupted"
        assert requests(vendor) == []


async def test_the_vendor_is_asked_once_even_if_the_database_misses_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cloning() as (house, vendor):
        row = await begun(house)
        with monkeypatch.context() as away:

            async def missing(*_: object) -> None:
                raise StoreError("the database is not there")

            away.setattr(house.desk.library, "change", missing)
            with pytest.raises(StoreError):
                await step(house)
        await step(house)

        assert [each["action"] for each in requests(vendor)] == ["create_voice"]
        assert (await seen(house, row))["status"] == "deploying"


async def test_a_voice_is_not_deleted_while_it_is_being_enrolled_nor_when_the_vendor_will_not() -> None:
    fault = {"service": "customization", "kind": "refuse", "status": 500, "nth": 3}
    async with cloning(faults=[fault]) as (house, _):
        row = await begun(house)
        enrolling, answer = await house.ask("DELETE", f"/api/voices/{row['id']}")
        await step(house)
        await step(house)
        unable, _ = await house.ask("DELETE", f"/api/voices/{row['id']}")
        there = await seen(house, row)
        able, _ = await house.ask("DELETE", f"/api/voices/{row['id']}")

    assert (enrolling, answer["code"]) == (409, "enrolling")
    assert (unable, there["status"], able) == (502, "ready", 204)


async def test_a_voice_that_the_vendor_has_no_longer_can_be_deleted_here() -> None:
    async with cloning() as (house, vendor):
        row = await begun(house)
        await step(house)
        await step(house)
        vendor.house.voices.remove((await seen(house, row))["voice"])

        assert (await house.ask("DELETE", f"/api/voices/{row['id']}"))[0] == 204


async def test_the_server_does_all_this_by_itself() -> None:
    async with cloning(limits={"voice_deploy_ms": 50}) as (house, _):
        house.desk._cloning._times = CloneTimes(poll_s=0.01)
        watching = asyncio.create_task(house.desk.watch())
        try:
            row = await begun(house)
            async with asyncio.timeout(10):
                while (await seen(house, row))["status"] != "ready":  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def test_a_call_is_spoken_in_a_cloned_voice() -> None:
    lines = Script.model_validate({"hears_always": "你好", "replies_always": "好。"})
    async with calling(lines, {}) as (caller, vendor):
        clone = vendor.house.voices.add("cosyvoice-v2", "me", "https://example.com/me.wav", 0)
        await caller.send("BotUpdateConfig", {"speaker": clone.voice_id})
        frames = await caller.turn()
        spoken = [task["json"]["parameters"]["voice"] for task in vendor.stats()["tts"]["requests"]]

    assert names(frames) == TURN
    assert spoken == [clone.voice_id]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\nhalf\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
    ],
)
async def test_a_form_that_is_none_is_refused(kind: str, body: bytes) -> None:
    async with cloning(public_url="https://call.example.com") as (house, _):
        status, answer = await house.ask("POST", CLONES, data=body, headers={"Content-Type": kind})

    assert (status, answer["code"]) == (400, "BadRequest")
