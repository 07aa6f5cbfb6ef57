"""`python -m backend.vocabulary`: the personas' names as a list of hot words, and what Paraformer is told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend import compose, vocabulary
from backend.errors import ConfigError, ProviderRefused
from backend.providers.dashscope.hot_words import rows
from backend.settings import Settings, load
from emulator.script import Script
from tests.support.emulator import EmulatorHandle, running_emulator

NAMES = ["青青", "乔青青", "Doreen"]


@asynccontextmanager
async def account(**values: str) -> AsyncIterator[tuple[EmulatorHandle, Settings]]:
    async with running_emulator(Script()) as vendor:
        urls = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "DASHSCOPE_API_URL": f"{vendor.http_url}/api/v1"}
        yield vendor, load({"DASHSCOPE_API_KEY": "sk-secret", "VAD": "off", **urls, **values})


async def heard_with(vendor: EmulatorHandle, settings: Settings) -> dict[str, Any]:
    """What a recognition was begun with."""
    providers = compose.providers(settings)
    async with providers.recognizer.open():
        pass
    await providers.aclose()
    record: dict[str, Any] = vendor.stats()["asr"]["requests"][-1]
    return record


@pytest.mark.parametrize(
    ("model", "heeded"), [("paraformer-realtime-v2", NAMES), ("fun-asr-realtime", [])], ids=["its model", "another"]
)
async def test_the_list_that_is_set_reaches_the_recogniser_it_was_made_for(model: str, heeded: list[str]) -> None:
    async with account() as (vendor, settings):
        ident = await vocabulary.made(settings, [])
        urls = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "VOICE_CALL_ASR_MODEL": model}
        values = {"DASHSCOPE_API_KEY": "sk", "VAD": "off", "DASHSCOPE_ASR_VOCABULARY_ID": ident, **urls}
        record = await heard_with(vendor, load(values))

    assert record["json"]["parameters"]["vocabulary_id"] == ident
    assert record["hot_words"] == heeded


async def test_a_list_that_there_is_gets_other_words() -> None:
    async with account() as (vendor, settings):
        ident = await vocabulary.made(settings, [], prefix="friends")
        again = await vocabulary.made(settings, ["qiao_qingqing", "sam_whitlock"], ident=ident)
        asked = [request["json"]["input"] for request in vendor.stats()["customization"]["requests"]]
        words = [row["text"] for row in vendor.house.vocabularies[ident].words]

    assert again == ident
    assert (asked[0]["prefix"], asked[0]["target_model"]) == ("friends", "paraformer-realtime-v2")
    assert asked[0]["vocabulary"][1:] == [
        {"text": "乔青青", "weight": 4, "lang": "zh"},
        {"text": "Doreen", "weight": 4, "lang": "en"},
    ]
    assert words == [*NAMES, "Sam Whitlock"]


async def test_what_the_service_refuses_is_told() -> None:
    async with account() as (_, settings):
        with pytest.raises(ProviderRefused, match="does not exist"):
            await vocabulary.made(settings, [], ident="vocab-unknown")


async def test_without_an_account_there_is_no_list() -> None:
    with pytest.raises(ConfigError, match="DASHSCOPE_API_KEY"):
        await vocabulary.made(load({}), [])


@pytest.mark.parametrize("words", [["赛" * 16], ["a b c d e f g h"], [" "], [], [str(n) for n in range(501)]])
def test_what_no_list_takes_is_not_asked_for(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="hot word"):
        rows(words)
