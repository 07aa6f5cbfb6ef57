import json
from pathlib import Path

import pytest

from backend.doctor.__main__ import main
from backend.doctor.examination import examine
from backend.doctor.findings import Finding, Level, as_json, as_text, exit_status
from tests.support.emulator import running_emulator

SECRETS = ("VOLC_API_KEY", "ARK_API_KEY", "DASHSCOPE_API_KEY", "ACCESS_TOKEN", "TOKEN_SECRET", "ADMIN_TOKEN")


def test_only_what_is_wrong_makes_the_status_1() -> None:
    findings = [Finding("a", Level.OK, "x"), Finding("b", Level.WARNING, "y", "do z"), Finding("c", Level.SKIPPED, "w")]

    assert exit_status(findings) == 0
    assert exit_status([*findings, Finding("d", Level.WRONG, "v", "u")]) == 1
    assert as_text(findings).splitlines()[1] == "warning  b           y: do z"
    assert json.loads(as_json(findings))["findings"][1] == {
        "check": "b",
        "level": "warning",
        "text": "y",
        "remedy": "do z",
    }


def test_a_finding_is_one_line_whatever_is_in_it() -> None:
    assert as_text([Finding("a", Level.WRONG, "two\nlines", "and\nmore")]).count("\n") == 1


def test_a_setting_that_cannot_be_read_is_a_finding_and_the_rest_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_TEMPERATURE", "hot")
    monkeypatch.setenv("ARK_API_KEY", "Bearer secret-0f-mine")
    status = main(["--json"])

    said = capsys.readouterr().out
    found = json.loads(said)
    wrong = [each["text"] for each in found["findings"] if each["level"] == "wrong"]
    assert status == 1
    assert found["ok"] is False
    assert "LLM_TEMPERATURE" in wrong[0]
    assert "Bearer" in wrong[1]
    assert "secret-0f-mine" not in said


async def test_no_secret_is_ever_said(tmp_path: Path) -> None:
    secrets = {name: f"secret-{number}-of-mine-{'x' * 32}" for number, name in enumerate(SECRETS)}
    async with running_emulator() as vendor:
        places = {
            "VOLC_ASR_URL": vendor.ws_url + "/no/such/path",
            "VOLC_TTS_URL": vendor.tts_url(),
            "ARK_BASE_URL": vendor.ark_url,
            "DATABASE_URL": "postgresql://caller:secret-of-the-database@127.0.0.1:1/calls",
            "VAD": "off",
            "CALL_PORT": "0",
            "WEB_PORT": "0",
        }
        findings = await examine(secrets | places, tmp_path / ".env", ask=True)

    assert {finding.check for finding in findings} >= {"asr", "llm", "tts", "database", "keys", "access"}
    assert any(finding.level is Level.WRONG and finding.check == "asr" for finding in findings)
    assert "secret-" not in as_text(findings) + as_json(findings)
