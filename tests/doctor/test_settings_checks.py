from pathlib import Path

import pytest

from backend.doctor import keys, names, reach
from backend.doctor.findings import Level
from tests.doctor.sick import only, patient

LONG = "a-token-that-is-long-enough-for-anyone"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ARK_API_KEY", "Bearer abc", "Bearer"),
        ("ARK_API_KEY", "'abc'", "quotation marks"),
        ("DASHSCOPE_API_KEY", "sk-abc def", "white space"),
        ("VOLC_API_KEY", "你的密钥", "characters"),
        ("VOLC_API_KEY", "abc\u200bdef", "characters"),
        ("DASHSCOPE_API_KEY", "sk-xxxxxxxx", "example"),
        ("ARK_API_KEY", "<your key>", "white space"),
        ("ARK_API_KEY", "your-key", "example"),
        ("ACCESS_TOKEN", "changeme", "example"),
    ],
)
def test_a_key_that_can_be_none_is_named_and_not_shown(name: str, value: str, words: str) -> None:
    found = only(keys.keys(patient({name: value})), Level.WRONG, words)
    assert name in found.text
    assert value not in found.text + found.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [("DASHSCOPE_API_KEY", "0123456789abcdef"), ("LLM_ENDPOINT_ID", "doubao-pro"), ("VOLC_ACCESSKEY", "abcdefghijkl")],
)
def test_a_key_of_an_unusual_shape_is_doubtful(name: str, value: str) -> None:
    pair = {"VOLC_ACCESSKEY": {"VOLC_SECRETKEY": "its-other-half"}}
    found = only(keys.keys(patient({name: value, **pair.get(name, {})})), Level.WARNING, name)
    assert value not in found.text


def test_half_a_pair_does_nothing_and_is_doubtful() -> None:
    found = only(keys.keys(patient(VOLC_SECRETKEY="the-secret-half")), Level.WARNING, "without VOLC_ACCESSKEY")
    assert "the-secret-half" not in found.text


def test_an_app_id_is_a_number() -> None:
    only(keys.keys(patient(ASR_APP_ID="my app", ASR_ACCESS_TOKEN="t0ken")), Level.WRONG, "ASR_APP_ID")
    only(keys.keys(patient(ASR_APP_ID="app-of-mine", ASR_ACCESS_TOKEN="t0ken")), Level.WARNING, "ASR_APP_ID")
    only(keys.keys(patient(ASR_APP_ID="1234567890", ASR_ACCESS_TOKEN="t0ken")), Level.OK, "ASR_APP_ID")


def test_one_key_for_two_consoles_is_doubtful() -> None:
    only(keys.keys(patient(ARK_API_KEY="abc-1", VOLC_API_KEY="abc-1")), Level.WARNING, "the same")


def test_without_keys_everything_runs_here() -> None:
    only(keys.keys(patient()), Level.OK, "on this machine")


def test_a_misspelt_name_is_found_and_the_right_one_suggested(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ARK_APIKEY=secret-of-mine\nCALL_PORT=1\nWHATEVER=1\nEMPTY_ONE=\nPOSTGRES_PASSWORD=x\n")

    first, second = names.names(patient(dotenv=dotenv))
    assert (first.level, first.remedy) == (Level.WARNING, "write ARK_API_KEY")
    assert (second.level, second.text.split()[0]) == (Level.WARNING, "WHATEVER")
    assert "secret" not in first.text


def test_of_the_environment_only_what_looks_like_ours_is_minded() -> None:
    values = {"HOME": "/root", "OTEL_TRACES_SAMPLER": "always_on", "MAX_CALL": "3", "VOICE_CALL_SPEED": "2"}

    found = list(names.names(patient(values)))
    assert [(each.text.split()[0], each.remedy.split(",")[0]) for each in found] == [
        ("MAX_CALL", "write MAX_CALLS"),
        ("VOICE_CALL_SPEED", "remove it"),
    ]
    only(names.names(patient(HOME="/root")), Level.OK, "every name")


def test_a_file_of_keys_that_others_can_read_is_doubtful(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.touch()
    dotenv.chmod(0o644)
    only(names.dotenv_file(patient(dotenv=dotenv)), Level.WARNING, "other users")
    dotenv.chmod(0o600)
    only(names.dotenv_file(patient(dotenv=dotenv)), Level.OK, "owner")


def test_a_server_that_strangers_reach_without_a_token_is_wrong() -> None:
    only(reach.access(patient(CALL_HOST="0.0.0.0")), Level.WRONG, "CALL_HOST=0.0.0.0")
    only(reach.access(patient(CALL_HOST="0.0.0.0", ACCESS_TOKEN="short")), Level.WRONG, "can be guessed")
    only(reach.access(patient(CALL_HOST="0.0.0.0", ACCESS_TOKEN=LONG)), Level.OK, "present a token")
    only(reach.access(patient()), Level.OK, "no token")


def test_a_door_that_is_open_to_every_page_is_doubtful() -> None:
    found, _ = reach.access(patient(ALLOWED_ORIGINS="*"))
    assert (found.level, found.text.split()[0]) == (Level.WARNING, "ALLOWED_ORIGINS=*")


def test_a_proxy_that_is_not_trusted_makes_all_callers_one() -> None:
    found, _ = reach.access(patient(CALL_URL="/api/live_voice_call/chat"))
    assert "X-Forwarded-For" in found.text
    only(reach.access(patient(CALL_URL="/chat", TRUSTED_PROXIES="127.0.0.1")), Level.OK, "")


def test_the_microphone_needs_https_beyond_this_machine() -> None:
    beyond = {"WEB_HOST": "0.0.0.0", "ACCESS_TOKEN": LONG}
    only(reach.microphone(patient()), Level.OK, "http://localhost:8080")
    only(reach.microphone(patient(beyond)), Level.WARNING, "no microphone")
    only(reach.microphone(patient(beyond, CALL_URL="wss://call.example/chat")), Level.OK, "wss://call.example/chat")
    only(reach.microphone(patient(beyond, CALL_URL="ws://call.example/chat")), Level.WRONG, "ws://")
