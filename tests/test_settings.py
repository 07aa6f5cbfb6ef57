"""What an operator sets, and what happens when it is wrong."""

import re
import tomllib
from pathlib import Path

import pytest

from backend.config.env import Env
from backend.errors import ConfigError
from backend.settings import load, read
from backend.version import VERSION

ROOT = Path(__file__).parents[1]


def test_with_nothing_set_everything_runs_on_this_machine() -> None:
    settings = load({})

    assert (settings.asr.provider, settings.llm.provider, settings.tts.provider) == ("emulator",) * 3
    assert settings.extras == ("on-device", "vad")


def test_the_family_whose_keys_are_set_is_taken() -> None:
    settings = load({"VOLC_API_KEY": "k", "ARK_API_KEY": "a"})

    assert (settings.asr.provider, settings.llm.provider, settings.tts.provider) == ("volcengine",) * 3
    assert settings.extras == ("vad",)


def test_without_voice_activity_detection_keys_are_all_it_takes() -> None:
    assert load({"VOLC_API_KEY": "k", "ARK_API_KEY": "a", "VAD": "off"}).extras == ()


def test_families_mix_freely() -> None:
    settings = load(
        {"ASR_APP_ID": "1", "ASR_ACCESS_TOKEN": "t", "LLM_BASE_URL": "http://localhost:11434/v1", "LLM_MODEL": "qwen"}
    )

    assert (settings.asr.provider, settings.llm.provider, settings.tts.provider) == ("volcengine", "openai", "emulator")
    assert settings.llm.url == "http://localhost:11434/v1"


def test_where_traces_go_somewhere_their_library_is_needed() -> None:
    assert "telemetry" in load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}).extras
    assert "telemetry" not in load({}).extras


def test_dashscope_takes_every_stage_by_its_one_key() -> None:
    settings = load({"DASHSCOPE_API_KEY": "k", "LLM_ENDPOINT_ID": "ep-1"})

    assert (settings.asr.provider, settings.llm.provider, settings.tts.provider) == ("dashscope",) * 3
    assert (settings.asr.model, settings.llm.model) == ("paraformer-realtime-v2", "qwen-flash")
    assert settings.needs_emulator is False


@pytest.mark.parametrize(
    ("values", "families"),
    [
        ({"VOLC_API_KEY": "v"}, ("volcengine", "dashscope", "volcengine")),
        ({"ARK_API_KEY": "a"}, ("dashscope", "volcengine", "dashscope")),
        ({"LLM_BASE_URL": "http://x/v1", "LLM_MODEL": "m"}, ("dashscope", "openai", "dashscope")),
        ({"TTS_PROVIDER": "emulator"}, ("dashscope", "dashscope", "emulator")),
        ({"VOLC_API_KEY": "v", "TTS_PROVIDER": "dashscope"}, ("volcengine", "dashscope", "dashscope")),
    ],
)
def test_dashscope_stands_in_where_nothing_else_is_asked_for(values: dict[str, str], families: tuple[str, ...]) -> None:
    settings = load({"DASHSCOPE_API_KEY": "k", **values})

    assert (settings.asr.provider, settings.llm.provider, settings.tts.provider) == families


def test_an_endpoint_id_is_asked_for_before_a_model_name() -> None:
    assert load({"ARK_API_KEY": "a", "LLM_MODEL": "m", "LLM_ENDPOINT_ID": "ep-1"}).llm.model == "ep-1"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"ASR_APP_ID": "1"}, "ASR_ACCESS_TOKEN"),
        ({"TTS_PROVIDER": "volcengine"}, "TTS_APP_ID"),
        ({"LLM_PROVIDER": "volcengine"}, "ARK_API_KEY"),
        ({"LLM_PROVIDER": "openai", "LLM_BASE_URL": "http://x/v1"}, "LLM_MODEL"),
        *(({f"{stage}_PROVIDER": "dashscope"}, "DASHSCOPE_API_KEY") for stage in ("ASR", "LLM", "TTS")),
        ({"DASHSCOPE_API_KEY": "k", "VOICE_CALL_ASR_MODEL": "bigmodel"}, "VOICE_CALL_ASR_MODEL"),
        ({"DASHSCOPE_TTS_PITCH": "3"}, "DASHSCOPE_TTS_PITCH"),
        ({"CALL_PORT": "eighty"}, "CALL_PORT"),
        ({"CALL_PORT": "70000"}, "CALL_PORT"),
        ({"CALL_URL": "https://call.example/"}, "CALL_URL"),
        ({"CALL_URL": "//call.example/chat"}, "CALL_URL"),
        ({"CALL_URL": "wss://[call/"}, "CALL_URL"),
        ({"VOICE_CALL_TTS_FORMAT": "wav"}, "VOICE_CALL_TTS_FORMAT"),
        ({"VOICE_CALL_ASR_SAMPLE_RATE": "8000"}, "VOICE_CALL_ASR_SAMPLE_RATE"),
        ({"VOLC_ASR_COMPRESS": "maybe"}, "VOLC_ASR_COMPRESS"),
        ({"LLM_TEMPERATURE": "nan"}, "LLM_TEMPERATURE"),
        ({"LLM_EXTRA_BODY": "{thinking"}, "LLM_EXTRA_BODY"),
        ({"LLM_EXTRA_BODY": "[1]"}, "LLM_EXTRA_BODY"),
        ({"LLM_EXTRA_BODY": '{"messages": []}'}, "LLM_EXTRA_BODY"),
        ({"VAD": "webrtc"}, "VAD"),
        ({"DATABASE_URL": "oracle://u:p@h/db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql+pymysql://u:p@h/db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:"}, "DATABASE_URL"),
        ({"CONVERSATION_DAYS": "-1"}, "CONVERSATION_DAYS"),
        ({"TOKEN_SECRET": "short"}, "TOKEN_SECRET"),
        ({"TOKEN_SECRET": f"{'long' * 8},short"}, "TOKEN_SECRET"),
        ({"ALLOWED_ORIGINS": "call.example.com"}, "ALLOWED_ORIGINS"),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
        ({"LLM_BASE_URL": "localhost:11434/v1", "LLM_MODEL": "m"}, "LLM_BASE_URL is a whole address, http://"),
        ({"VOLC_ASR_URL": "https://openspeech.bytedance.com"}, "VOLC_ASR_URL is a whole address, ws://"),
        ({"DASHSCOPE_WS_URL": "wss://[half"}, "DASHSCOPE_WS_URL"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"SID_HEADER": "X Y"}, "SID_HEADER"),
        ({"VOICE_CALL_IDLE_PROMPT": "60"}, "VOICE_CALL_IDLE_PROMPT is less than VOICE_CALL_IDLE_TIMEOUT"),
    ],
)
def test_a_wrong_or_missing_setting_is_named(values: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        load(values)


def test_a_wrong_address_is_not_repeated_as_there_may_be_a_password_in_it() -> None:
    with pytest.raises(ConfigError) as raised:
        load({"LLM_BASE_URL": "user:password@host/v1", "LLM_MODEL": "m"})
    assert "password" not in str(raised.value)


def test_who_shortens_the_silence_keeps_the_question_into_it() -> None:
    calls = [load({"VOICE_CALL_IDLE_TIMEOUT": timeout}).call for timeout in ("90", "60", "9")]

    assert [call.ask_before_s for call in calls] == [20, 20, 3]


def test_no_secret_has_a_repr() -> None:
    secrets = {
        name: f"secret-{name}"
        for name in (
            "VOLC_API_KEY",
            "ASR_ACCESS_TOKEN",
            "TTS_ACCESS_TOKEN",
            "ARK_API_KEY",
            "VOLC_ACCESSKEY",
            "VOLC_SECRETKEY",
            "DASHSCOPE_API_KEY",
            "ACCESS_TOKEN",
            "ADMIN_TOKEN",
            "OTEL_EXPORTER_OTLP_HEADERS",
        )
    }

    secrets["TOKEN_SECRET"] = "secret-" * 8
    database = {"DATABASE_URL": "mysql://user:secret-DATABASE_URL@host/name"}
    assert "secret-" not in repr(load({"ASR_APP_ID": "1", "TTS_APP_ID": "1", **secrets, **database}))


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    listed = dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    env = Env({name: value for name, value in listed.items() if value})

    assert read(env) == load({})
    assert set(listed) == set(env.names)


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION


def test_what_a_chat_model_refuses_can_be_left_out_and_what_it_wants_added() -> None:
    values = {"LLM_TEMPERATURE": "off", "LLM_MAX_TOKENS": "none", "LLM_EXTRA_BODY": '{"max_completion_tokens": 500}'}
    llm = load(values).llm

    assert (llm.temperature, llm.max_tokens, llm.extra_body) == (None, None, {"max_completion_tokens": 500})
