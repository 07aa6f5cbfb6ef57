"""A chat adapter tells the moment at which a request has left."""

from collections.abc import Callable

import pytest

from backend import compose
from backend.marks import on_request_sent
from backend.ports import ChatModel, Message, TextDelta
from backend.settings import load
from emulator.script import Script
from tests.support.emulator import EmulatorHandle, running_emulator


def ark(vendor: EmulatorHandle) -> ChatModel:
    return compose.providers(load({"EMULATOR_PORT": str(vendor.port)})).model


def openai(vendor: EmulatorHandle) -> ChatModel:
    return compose.providers(load({"LLM_BASE_URL": vendor.openai_url, "LLM_MODEL": "any"})).model


@pytest.mark.parametrize("adapter", [ark, openai])
async def test_it_is_told_once_a_request_and_before_the_answer(adapter: Callable[[EmulatorHandle], ChatModel]) -> None:
    told = list[str]()
    on_request_sent.set(lambda: told.append("sent"))
    async with running_emulator(Script.model_validate({"replies": ["好", "嗯"]})) as vendor:
        model = adapter(vendor)
        for _ in range(2):
            async for item in model.reply([Message("user", "你好")]):
                if isinstance(item, TextDelta):
                    told.append(item.text)
        await model.aclose()

    assert told == ["sent", "好", "sent", "嗯"]
