"""Against the emulator, by the vendors' own URLs."""

import time
from email.utils import formatdate

import pytest
from aiohttp import web

from backend.doctor import online
from backend.doctor.findings import Finding, Level
from backend.doctor.remedies import remedy
from backend.errors import ProviderRefused
from emulator.script import Fault, Kind, Script, Service
from tests.doctor.sick import only, patient
from tests.support.emulator import EmulatorHandle, running_emulator

STAGES: tuple[Service, ...] = ("asr", "chat", "tts")
SECRET = "key-0f-mine-which-nobody-may-see"


def volcengine(vendor: EmulatorHandle, patience_s: str = "20") -> dict[str, str]:
    return {
        "VOLC_API_KEY": SECRET,
        "ARK_API_KEY": SECRET,
        "VOLC_ASR_URL": vendor.ws_url + "/api/v3/sauc",
        "VOLC_TTS_URL": vendor.tts_url(),
        "ARK_BASE_URL": vendor.ark_url,
        "ASR_TIMEOUT_S": patience_s,
        "LLM_TIMEOUT_S": patience_s,
        "TTS_TIMEOUT_S": patience_s,
        "VAD": "off",
    }


async def asked(values: dict[str, str]) -> list[Finding]:
    return [finding async for finding in online.services(patient(values))]


async def test_every_service_answers_and_is_asked_for_as_little_as_can_be() -> None:
    async with running_emulator() as vendor:
        findings = await asked(volcengine(vendor))
        request = vendor.stats()["chat"]["requests"][0]["json"]

    assert [(each.check, each.level, each.text.split()[0]) for each in findings] == [
        ("asr", Level.OK, "volcengine"),
        ("llm", Level.OK, "volcengine"),
        ("tts", Level.OK, "volcengine"),
    ]
    assert request["max_tokens"] == 1


async def test_dashscope_answers_too_and_so_does_who_stands_by() -> None:
    async with running_emulator() as vendor:
        here = {
            "DASHSCOPE_API_KEY": SECRET,
            "DASHSCOPE_WS_URL": vendor.dashscope_ws_url,
            "DASHSCOPE_BASE_URL": vendor.qwen_url,
        }
        providers = {f"{stage}_PROVIDER": "dashscope" for stage in ("ASR", "LLM", "TTS")}
        findings = await asked(volcengine(vendor) | here | providers | {"LLM_FALLBACK": "volcengine"})

    assert [(each.check, each.level) for each in findings] == [
        ("asr", Level.OK),
        ("llm", Level.OK),
        ("tts", Level.OK),
        ("llm (fallback)", Level.OK),
    ]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, 45000010, "the key is wrong"),
        (403, 45000030, "switch the service"),
        (429, 45000292, "too many at once"),
    ],
)
async def test_a_refusal_is_told_with_what_to_do_and_without_the_key(
    stage: Service, status: int, code: int, advice: str
) -> None:
    said = None if stage == "chat" else code
    fault = Fault(service=stage, kind=Kind.REFUSE, status=status, code=said, message=f"no, {SECRET}", nth=None)
    async with running_emulator(Script(faults=(fault,))) as vendor:
        findings = await asked(volcengine(vendor))

    [bad] = [finding for finding in findings if finding.level is Level.WRONG]
    assert bad.check == {"chat": "llm"}.get(stage, stage)
    assert advice in bad.remedy
    assert SECRET not in bad.text


@pytest.mark.parametrize("stage", STAGES)
async def test_a_service_that_says_nothing_is_told_of_after_its_time(stage: Service) -> None:
    fault = Fault(service=stage, kind=Kind.CONNECT_STALL, nth=None)
    async with running_emulator(Script(faults=(fault,))) as vendor:
        findings = await asked(volcengine(vendor, patience_s="0.3"))

    silent = {finding.check: finding for finding in findings if finding.level is Level.WRONG}
    assert "network" in silent[{"chat": "llm"}.get(stage, stage)].remedy


async def test_a_service_that_is_not_there_is_told_of() -> None:
    findings = await asked({"LLM_BASE_URL": "http://127.0.0.1:1/v1", "LLM_MODEL": "m", "VAD": "off"})

    levels = {finding.check: finding.level for finding in findings}
    assert levels == {"asr": Level.SKIPPED, "llm": Level.WRONG, "tts": Level.SKIPPED}


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        ("45000010", "invalid", "the key is wrong"),
        ("45000030", "not granted", "switch the service"),
        ("45000000", "speaker permission denied", "not yours to use"),
        ("55000000", "resource ID is mismatched with speaker", "clear VOLC_TTS_RESOURCE_ID"),
        ("55000001", "internal", "vendor's own trouble"),
        ("InvalidEndpointOrModel.NotFound", "no such model", "LLM_ENDPOINT_ID or LLM_MODEL"),
        ("AccountOverdueError", "pay", "arrears"),
        ("RateLimitExceeded.EndpointRPM", "slow down", "too many at once"),
        ("InvalidParameter", "418", "another version"),
        ("RateLimitExceeded", "slow down, request id 0179418535d", "too many at once"),
        ("SomethingNew", "odd", "a setting is wrong"),
    ],
)
def test_what_a_vendor_says_has_a_remedy(code: str, reason: str, advice: str) -> None:
    assert advice in remedy(ProviderRefused("tts", reason, vendor_code=code))


@pytest.mark.parametrize(
    ("ahead_s", "level", "words"),
    [(0, Level.OK, "agrees"), (-120, Level.WARNING, "ahead"), (7200, Level.WRONG, "behind"), (None, Level.SKIPPED, "")],
)
async def test_the_clock_is_compared_with_a_services(ahead_s: int | None, level: Level, words: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        date = "no date" if ahead_s is None else formatdate(time.time() + ahead_s, usegmt=True)
        return web.Response(status=404, headers={"Date": date})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    own = patient(LLM_BASE_URL=base, LLM_MODEL="m", ASR_PROVIDER="emulator", EMULATOR_PORT="1")
    only([finding async for finding in online.clock(own)], level, words)
    await runner.cleanup()
