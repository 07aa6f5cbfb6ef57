"""All that a server says at debug level, grepped for every secret that it was given."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.process.redaction import _spellings
from backend.protocol.events import CALL_PATH
from backend.token import sign
from emulator.script import Script
from tests.support.caller import dialled, dialling
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.test_handler import PATIENCE_S, environment, said_until, started

KEYS = {
    "ASR_ACCESS_TOKEN": "asr-Kx81hQmZp0vYw2",
    "TTS_ACCESS_TOKEN": "tts-Wj39sLrNb7cTe5",
    "ARK_API_KEY": "5f0c1c1e-6a53-4d6c-9b1e-1f3f0d2b7a91",
    "DASHSCOPE_API_KEY": "sk-3b1f9e0c7d2a4856b0e1",
    "ACCESS_TOKEN": "caller-Qm4n7Vt2Zx9Lk3Rb",
    "ADMIN_TOKEN": "admin-Hd8s6Fg1Jw5Pc0Yu",
    "TOKEN_SECRET": "signing-Zr5t8Nq1Xb6Vm3Kp9Ld2Hs7Fw4Jc0Gy",
}
PAGES = ("/metrics", "/healthz", "/readyz", "/api/config", "/api/personas", "/api/voices", "/api/admission")
PASSWORD = "db-Tn7m3Wq9Zs5X"


def settings_for(vendor: EmulatorHandle) -> dict[str, str]:
    return environment(
        **KEYS,
        ASR_APP_ID="1234567890",
        TTS_APP_ID="1234567890",
        VOLC_ASR_URL=vendor.asr_url().rsplit("/", 1)[0],
        VOLC_TTS_URL=vendor.tts_url(),
        ARK_BASE_URL=vendor.ark_url,
        DATABASE_URL=f"postgresql://caller:{PASSWORD}@127.0.0.1:1/calls",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=otlp-Bv2c8Mn4Kj6H",
        LOG_LEVEL="debug",
        VAD="off",
        MAX_LOOP_LAG_MS="0",
        MAX_LOOP_LOAD="0",
    )


async def _use(values: dict[str, str], signed: str) -> str:
    """Calls that work and calls that fail, every way in and every page; what came back."""
    url = f"ws://127.0.0.1:{values['CALL_PORT']}{CALL_PATH}"
    heard: list[object] = []
    for token in (KEYS["ACCESS_TOKEN"], signed):
        async with dialled(
            url, headers={"Authorization": f"Bearer {token}"}, sid="sid-1" if token == signed else "2"
        ) as caller:
            for _ in range(2):
                await caller.send("UserText", {"text": "在吗"})
                heard += await caller.until("TTSDone")
    for headers in ({}, {"Authorization": "Bearer guess-Ab12Cd34Ef56"}):
        with suppress(InvalidStatus):
            await connect(f"{url}?token={KEYS['ACCESS_TOKEN']}", additional_headers=headers)
    async with dialling(url, headers={"Authorization": f"Bearer {signed}"}, sid="sid-1") as caller:
        await caller.socket.send(b"\x00")
        heard.append(await caller.event())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{values['WEB_PORT']}") as http:
        for token in ("", KEYS["ACCESS_TOKEN"], KEYS["ADMIN_TOKEN"]):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            for path in (
                "/metrics",
                "/healthz",
                "/readyz",
                "/api/config",
                "/api/personas",
                "/api/voices",
                "/api/admission",
            ):
                async with http.get(path, headers=headers) as response:
                    heard += [await response.text(), dict(response.headers)]
            async with http.delete("/api/conversations/sid-9", headers=headers) as response:
                heard.append(await response.text())
    return "\n".join(str(each) for each in heard)


async def _fault(vendor: EmulatorHandle, faults: list[Any]) -> None:
    vendor.script(Script.model_validate({"faults": faults, "replies_always": {"text": "好呀。"}}))


async def test_no_secret_is_in_anything_that_a_server_says() -> None:
    signed = sign(KEYS["TOKEN_SECRET"], seconds=600, sid="sid-1")
    said = ""
    async with running_emulator(
        Script.model_validate({"replies_always": {"text": "好呀。"}}), may_leave_lines=True
    ) as vendor:
        values = settings_for(vendor)
        async with started(values) as process:
            said += await said_until(process, "press the call button")
            seen = await _use(values, signed)
            refusals = [{"service": service, "kind": "refuse", "status": 401} for service in ("chat", "tts")]
            await _fault(vendor, refusals)
            seen += await _use(values, signed)
            process.terminate()
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE_S):
                said += (await process.stdout.read()).decode()
                await process.wait()
    assert "turn.done" in said, "it was a run at all"
    assert "Failed" in seen, "and one with failures"
    secrets = [*KEYS.values(), PASSWORD, "otlp-Bv2c8Mn4Kj6H", "guess-Ab12Cd34Ef56", signed]
    found = [(secret, place) for secret in secrets for place in _spellings(secret) if place in said + seen]
    assert found == []
    assert not re.search(r"eyJ[\w-]+\.eyJ", said + seen)


@pytest.mark.parametrize("family", ["dashscope", "single keys"])
async def test_no_secret_of_another_vendor_is_in_anything_either(family: str) -> None:
    """DashScope's speech, chat and enrolment; Doubao's single key, and that of a chat server of any make."""
    script = Script.model_validate({"replies_always": {"text": "好呀。"}})
    said = seen = ""
    async with running_emulator(script, may_leave_lines=True) as vendor:
        values = OTHERS[family](vendor)
        async with started(values) as process:
            said += await said_until(process, "press the call button")
            for status in (None, 401):
                services = ("chat", "tts", "inference", "customization") if family == "dashscope" else ("chat", "tts")
                refusals = [{"service": each, "kind": "refuse", "status": status, "nth": None} for each in services]
                await _fault(vendor, refusals if status else [])
                seen += await _talk_and_clone(values)
            process.terminate()
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE_S):
                said += (await process.stdout.read()).decode()
                await process.wait()
        asked = {name for name, stats in vendor.house.stats.services.items() if stats.handshakes}
    assert {"chat", "customization" if family == "dashscope" else "asr"} <= asked
    assert "turn.done" in said, "it was a run at all"
    assert "Failed" in seen, "and one with failures"
    secrets = [value for name, value in values.items() if name in OTHER_KEYS]
    assert secrets
    assert [(each, place) for each in secrets for place in _spellings(each) if place in said + seen] == []


async def _talk_and_clone(values: dict[str, str]) -> str:
    heard: list[object] = []
    async with dialled(f"ws://127.0.0.1:{values['CALL_PORT']}{CALL_PATH}") as caller:
        await caller.send("UserText", {"text": "在吗"})
        heard += await caller.until("TTSDone")
    clone = {"name": "小明", "language": "zh-CN", "gender": "male", "consent": True, "url": "https://example.com/a.wav"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{values['WEB_PORT']}") as http:
        async with http.post("/api/voices/clones", json=clone) as response:
            heard.append(await response.text())
        async with http.get("/api/voices/clones") as response:
            heard.append(await response.text())
    return "\n".join(str(each) for each in heard)


OTHER_KEYS = {
    "DASHSCOPE_API_KEY": "sk-8d2c7b1a6f5e4039a8b7",
    "VOLC_API_KEY": "volc-Nx5d2Kq8Wm3Rz7Bt",
    "LLM_API_KEY": "llm-Gf4j9Tc1Vp6Xs0Ya",
}


def _dashscope(vendor: EmulatorHandle) -> dict[str, str]:
    places = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "DASHSCOPE_BASE_URL": vendor.qwen_url}
    api = f"{vendor.http_url}/api/v1"
    key = {"DASHSCOPE_API_KEY": OTHER_KEYS["DASHSCOPE_API_KEY"]}
    return environment(**key, **places, DASHSCOPE_API_URL=api, LOG_LEVEL="debug", VAD="off", **UNHURRIED)


def _single_keys(vendor: EmulatorHandle) -> dict[str, str]:
    return environment(
        VOLC_API_KEY=OTHER_KEYS["VOLC_API_KEY"],
        LLM_API_KEY=OTHER_KEYS["LLM_API_KEY"],
        LLM_BASE_URL=f"{vendor.http_url}/v1",
        LLM_MODEL="scripted",
        VOLC_ASR_URL=vendor.asr_url().rsplit("/", 1)[0],
        VOLC_TTS_URL=vendor.tts_url(),
        LOG_LEVEL="debug",
        VAD="off",
        **UNHURRIED,
    )


UNHURRIED = {"MAX_LOOP_LAG_MS": "0", "MAX_LOOP_LOAD": "0"}
OTHERS = {"dashscope": _dashscope, "single keys": _single_keys}


async def test_a_setting_that_is_wrong_is_named_without_its_value() -> None:
    broken = {"TOKEN_SECRET": "short-Zx81", "DATABASE_URL": f"oracle://caller:{PASSWORD}@host/calls"}
    for name, value in broken.items():
        async with started(environment(**{name: value})) as process, asyncio.timeout(PATIENCE_S):
            said = (await process.communicate())[0].decode()
        assert process.returncode == 1
        assert name in said
        assert value not in said
        assert PASSWORD not in said
