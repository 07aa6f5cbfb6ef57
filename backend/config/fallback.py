"""Which provider stands by for each stage, read from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from backend.config.env import Env
from backend.errors import ConfigError

_SPEECH: Final = ("", "volcengine", "dashscope", "emulator")
_CHAT: Final = ("", "volcengine", "openai", "dashscope", "emulator")
_MODELS: Final = {"dashscope": "qwen-flash", "volcengine": "doubao-seed-1-6-flash-250828"}


@dataclass(frozen=True, slots=True)
class FallbackSettings:
    """Empty names stand for none.

    Attributes:
        asr, llm, tts: families, other than those in use.
        llm_model, llm_url, llm_api_key: of the chat family that stands by.
        rest_s: how long a provider that failed is left alone.
    """

    asr: str
    llm: str
    tts: str
    llm_model: str
    llm_url: str
    llm_api_key: str = field(repr=False)
    rest_s: float

    @property
    def families(self) -> frozenset[str]:
        """All that stand by."""
        return frozenset((self.asr, self.llm, self.tts)) - {""}


def fallback_settings(env: Env, in_use: Mapping[str, str]) -> FallbackSettings:
    """Read them.

    Args:
        in_use: the family of each stage: `ASR`, `LLM`, `TTS`.

    Raises:
        ConfigError: a family that is in use already, or lacks its keys.
    """
    families = {stage: _family(env, stage, family) for stage, family in in_use.items()}
    llm = families["LLM"]
    model = env.text("LLM_FALLBACK_MODEL", _MODELS.get(llm, "emulator"))
    own = llm == "openai"
    if own and not (env.has("LLM_BASE_URL") and env.has("LLM_FALLBACK_MODEL")):
        raise ConfigError("LLM_FALLBACK=openai needs LLM_BASE_URL (http://…/v1) and LLM_FALLBACK_MODEL, its name there")
    return FallbackSettings(
        asr=families["ASR"],
        llm=llm,
        tts=families["TTS"],
        llm_model=model,
        llm_url=env.url("LLM_BASE_URL") if own else env.url("ARK_BASE_URL", "https://ark.cn-beijing.volces.com/api/v3"),
        llm_api_key=env.text("LLM_API_KEY") if own else env.text("ARK_API_KEY"),
        rest_s=env.number("FALLBACK_S", 30, least=0.05, most=3600),
    )


def _family(env: Env, stage: str, in_use: str) -> str:
    name = f"{stage}_FALLBACK"
    family = env.choice(name, "", _CHAT if stage == "LLM" else _SPEECH)
    if family == in_use:
        raise ConfigError(f"{name}={family} is what {stage}_PROVIDER is already: a fallback is another one")
    if family == "dashscope" and not env.has("DASHSCOPE_API_KEY"):
        raise ConfigError(f"{name}=dashscope needs DASHSCOPE_API_KEY")
    if family == "volcengine" and not _has_volcengine(env, stage):
        raise ConfigError(f"{name}=volcengine needs the keys that {stage}_PROVIDER=volcengine needs")
    return family


def _has_volcengine(env: Env, stage: str) -> bool:
    if stage == "LLM":
        return env.has("ARK_API_KEY") or (env.has("VOLC_ACCESSKEY") and env.has("VOLC_SECRETKEY"))
    return env.has("VOLC_API_KEY") or (env.has(f"{stage}_APP_ID") and env.has(f"{stage}_ACCESS_TOKEN"))
