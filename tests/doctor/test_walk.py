"""As a user would meet it: one thing is wrong, and one line says what, and how to mend it."""

import os
import re
import socket
from pathlib import Path

import pytest

from backend.doctor.__main__ import main
from tests.test_handler import free_port

OURS = re.compile(r"^(VOLC|ARK|ASR|LLM|TTS|DASHSCOPE|CALL|WEB|EMULATOR|DATABASE|ACCESS|TOKEN|VOICE|RECORD)_")
LONG = "a-token-that-is-long-enough-for-anyone"
TROUBLES = [
    ({"LLM_PROVIDER": "volcengine"}, "wrong", "settings", "needs ARK_API_KEY, or VOLC_ACCESSKEY together with"),
    ({"ASR_APP_ID": "12345678"}, "wrong", "settings", "ASR_ACCESS_TOKEN is not set"),
    ({"VOLC_ACCESSKEY": "AKLT0123456789"}, "warning", "keys", "set VOLC_SECRETKEY, too"),
    ({"ARK_API_KEY": "Bearer 0f1e2d"}, "wrong", "keys", "leave the word out"),
    ({"DASHSCOPE_API_KEY": "0123456789ab", "TTS_PROVIDER": "emulator"}, "warning", "keys", "begins with sk-"),
    ({"CALL_PORT": "TAKEN"}, "wrong", "ports", "set CALL_PORT to a free one"),
    ({"CALL_PORT": "99999"}, "wrong", "settings", "CALL_PORT is 0 to 65535"),
    ({"DATABASE_URL": "postgresql://u:pass-of-mine@127.0.0.1:1/x"}, "wrong", "database", "look at DATABASE_URL: host"),
    ({"DATABASE_URL": "oracle://u:pass-of-mine@h/x"}, "wrong", "settings", "DATABASE_URL is sqlite:///FILE"),
    ({"EMULATOR_ENGINE": "on-device", "MODEL_CACHE": "none"}, "warning", "models", "make models does it now"),
    ({"WEB_HOST": "0.0.0.0", "ACCESS_TOKEN": LONG}, "warning", "microphone", "put a proxy with a certificate in front"),
    ({"WEB_HOST": "0.0.0.0"}, "wrong", "access", "set ACCESS_TOKEN or TOKEN_SECRET"),
    ({"PERSONA": "nobody"}, "wrong", "persona", "set PERSONA to another"),
    ({"TLS_CERT": "/no/cert.pem", "TLS_KEY": "/no/key.pem"}, "wrong", "tls", "look at TLS_CERT and TLS_KEY"),
]


@pytest.fixture(autouse=True)
def _a_machine_where_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if OURS.match(name):
            monkeypatch.delenv(name)
    well = {"VAD": "off", "EMULATOR_ENGINE": "scripted", "DATABASE_URL": f"sqlite:///{tmp_path}/calls.db"}
    for name, value in {**well, **{f"{each}_PORT": str(free_port()) for each in ("CALL", "WEB", "EMULATOR")}}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("values", "level", "check", "words"), TROUBLES)
def test_one_line_says_what_is_wrong_and_how_to_mend_it(
    values: dict[str, str],
    level: str,
    check: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for name, value in values.items():
            monkeypatch.setenv(name, str(taken.getsockname()[1]) if value == "TAKEN" else value)
        status = main([])

    said = capsys.readouterr().out.splitlines()
    (line,) = (each for each in said if each.split()[1] == check and not each.startswith(("ok ", "skipped ")))
    assert line.startswith(f"{level} ")
    assert words in line
    assert status == int(any(each.startswith("wrong ") for each in said))
    assert not [each for each in said if "pass-of-mine" in each or "0f1e2d" in each]
