"""Who may stand by for whom."""

import pytest

from backend import compose
from backend.cast import Cast
from backend.errors import ConfigError
from backend.persona.shelf import Shelf
from backend.protocol.events import CallConfig
from backend.providers.dashscope.qwen import QwenChat
from backend.providers.fallback.build import second_settings
from backend.providers.fallback.mind import FallbackChat
from backend.settings import load

DOUBAO = {"VOLC_API_KEY": "v", "ARK_API_KEY": "a"}
BOTH = {**DOUBAO, "DASHSCOPE_API_KEY": "d"}
ALL = {f"{stage}_FALLBACK": "dashscope" for stage in ("ASR", "LLM", "TTS")}


def test_nobody_stands_by_unless_it_is_asked_for() -> None:
    settings = load(BOTH)

    assert settings.fallback.families == frozenset()
    assert compose.providers(settings).breakers == ()


def test_each_stage_has_the_other_family_s_usual_model() -> None:
    second = second_settings(load({**BOTH, **ALL, "LLM_MODEL": "ep-1", "VOICE_CALL_TTS_VOICE": "a", "VAD": "off"}))

    assert (second.asr.provider, second.asr.model) == ("dashscope", "paraformer-realtime-v2")
    assert (second.llm.provider, second.llm.model) == ("dashscope", "qwen-flash")
    assert (second.tts.provider, second.tts.model, second.tts.voice) == ("dashscope", "", "")


def test_a_chat_server_of_one_s_own_stands_by_at_its_own_address() -> None:
    own = {"LLM_FALLBACK": "openai", "LLM_BASE_URL": "http://localhost:1/v1", "LLM_FALLBACK_MODEL": "tiny"}
    second = second_settings(load({**DOUBAO, **own, "LLM_API_KEY": "k"}))

    assert (second.llm.url, second.llm.model, second.llm.api_key) == ("http://localhost:1/v1", "tiny", "k")


def test_ark_stands_by_for_a_chat_server_of_one_s_own() -> None:
    own = {"LLM_PROVIDER": "openai", "LLM_BASE_URL": "http://localhost:1/v1", "LLM_MODEL": "tiny"}
    second = second_settings(load({**DOUBAO, **own, "LLM_FALLBACK": "volcengine"}))

    assert (second.llm.api_key, second.llm.model) == ("a", "doubao-seed-1-6-flash-250828")
    assert second.llm.url.startswith("https://ark.")


def test_the_chat_models_are_asked_one_after_the_other() -> None:
    model = compose.providers(load({**BOTH, **ALL, "VAD": "off"})).model

    assert isinstance(model, FallbackChat)
    assert model.breaker.providers == ("volcengine", "dashscope")
    assert isinstance(model._models[1], QwenChat)


def test_this_machine_may_stand_by() -> None:
    assert load({**DOUBAO, "TTS_FALLBACK": "emulator"}).needs_emulator


def test_the_persona_speaks_with_the_voice_that_her_card_has_there() -> None:
    cast = Cast(Shelf(), "qiao_qingqing", "volcengine", "", second="dashscope")

    assert cast.voice(CallConfig(speaker="zh_male_x")).second_voice == "longhua_v2"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({**BOTH, "ASR_FALLBACK": "volcengine"}, "ASR_FALLBACK=volcengine is what ASR_PROVIDER is already"),
        ({**DOUBAO, "LLM_FALLBACK": "dashscope"}, "LLM_FALLBACK=dashscope needs DASHSCOPE_API_KEY"),
        ({"DASHSCOPE_API_KEY": "d", "TTS_FALLBACK": "volcengine"}, "TTS_FALLBACK=volcengine needs the keys"),
        ({"DASHSCOPE_API_KEY": "d", "LLM_FALLBACK": "volcengine"}, "LLM_FALLBACK=volcengine needs the keys"),
        ({**DOUBAO, "LLM_FALLBACK": "openai"}, "LLM_FALLBACK=openai needs LLM_BASE_URL"),
        ({**DOUBAO, "ASR_FALLBACK": "openai"}, "ASR_FALLBACK is one of"),
    ],
)
def test_a_second_provider_that_cannot_serve_stops_the_start(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(values)
