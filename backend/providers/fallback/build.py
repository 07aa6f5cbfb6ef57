"""From settings to the settings of the second providers."""

from dataclasses import replace
from typing import Final, cast

from backend.settings import AsrProvider, LlmProvider, Settings, TtsProvider

_ASR_MODELS: Final = {"dashscope": "paraformer-realtime-v2"}
_DOUBAO_MODEL: Final = "bigmodel_async"


def second_settings(settings: Settings) -> Settings:
    """The same, with the second provider in each stage that has one, and that provider's usual model and voice."""
    spare = settings.fallback
    asr, llm, tts = settings.asr, settings.llm, settings.tts
    if spare.asr:
        model = _ASR_MODELS.get(spare.asr, _DOUBAO_MODEL)
        asr = replace(asr, provider=cast(AsrProvider, spare.asr), model=model)
    if spare.llm:
        provider = cast(LlmProvider, spare.llm)
        llm = replace(llm, provider=provider, model=spare.llm_model, url=spare.llm_url, api_key=spare.llm_api_key)
        llm = replace(llm, extra_body={})  # they are the first one's own
    if spare.tts:
        tts = replace(tts, provider=cast(TtsProvider, spare.tts), model="", voice="")
    return replace(settings, asr=asr, llm=llm, tts=tts)
