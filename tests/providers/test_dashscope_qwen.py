"""Qwen through the `openai` library: against the emulator, and against a bare service for odd cases."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderUnavailable
from backend.ports import ChatItem, ChatUsage, Message, TextDelta
from backend.providers.dashscope.qwen import QwenChat
from backend.providers.openai_chat import ChatConfig
from emulator.script import Fault, Kind, Reply, Script
from tests.emulator.dashscope_dial import golden
from tests.providers.odd_chat import END, Refusal, Stream, odd_chat, text
from tests.support.emulator import running_emulator

KEY = "sk-very-secret"
HELLO = [Message("user", "你好")]


@asynccontextmanager
async def chatting(url: str, model: str = "qwen-flash", **more: Any) -> AsyncIterator[QwenChat]:
    chat = QwenChat(ChatConfig(url, model, api_key=KEY, retry_backoff_s=0.0, **more))
    yield chat
    await chat.aclose()


async def answer(chat: QwenChat) -> list[ChatItem]:
    return [item async for item in chat.reply(HELLO)]


async def test_qwen_answers_at_once_without_reasoning() -> None:
    reply = Reply(text="我很好。", tokens=("我", "很好。"), thinks="他问好。")
    async with running_emulator(Script(replies=(reply,))) as vendor:
        async with chatting(vendor.qwen_url) as chat:
            items = await answer(chat)
        asked = vendor.stats()["chat"]["requests"][0]

    assert items == [TextDelta("我"), TextDelta("很好。"), ChatUsage(prompt_tokens=4, completion_tokens=2)]
    assert (asked["path"], asked["json"]["enable_thinking"]) == ("/compatible-mode/v1/chat/completions", False)


async def test_a_model_without_the_switch_is_asked_without_it_from_then_on() -> None:
    refusal = {"error": {"message": "no such switch", "code": "invalid_parameter_error", "type": "x", "param": None}}
    stream = Stream([text("在。"), *END])
    async with (
        odd_chat(Refusal(400, refusal), stream, stream) as service,
        chatting(service.url, extra_body={"top_k": 5}) as chat,
    ):
        for _ in range(2):
            assert await answer(chat) == [TextDelta("在。")]

    assert [("enable_thinking" in asked, asked["top_k"]) for asked in service.asked] == [
        (True, 5),
        (False, 5),
        (False, 5),
    ]


@pytest.mark.parametrize(
    ("status", "shape", "kind", "code"),
    [
        (401, "chat.error.401", ProviderRefused, "invalid_api_key"),
        (404, "chat.error.404", ProviderRefused, "model_not_found"),
        (400, "chat.error.400_inspection", ContentRefused, "data_inspection_failed"),
        (429, "chat.error.429", ProviderUnavailable, "limit_requests"),
    ],
)
async def test_a_refusal_is_our_error_with_the_request_id_of_its_body(
    status: int, shape: str, kind: type[ProviderError], code: str
) -> None:
    said = json.loads(golden(shape))
    async with odd_chat(*[Refusal(status, said)] * 2) as service, chatting(service.url) as chat:
        with pytest.raises(kind) as failed:
            await answer(chat)

    assert type(failed.value) is kind
    assert (failed.value.vendor_code, failed.value.log_id) == (code, said["request_id"])


@pytest.mark.parametrize(
    ("code", "kind"), [("data_inspection_failed", ContentRefused), ("internal_error", ProviderUnavailable)]
)
async def test_an_error_in_mid_stream_is_worth_another_try_only_if_it_may_pass(
    code: str, kind: type[ProviderError]
) -> None:
    fault = Fault(service="chat", kind=Kind.ERROR, at="mid", code=code)
    script = Script(replies=("好的呀。",), faults=(fault,))
    async with running_emulator(script) as vendor, chatting(vendor.qwen_url) as chat:
        with pytest.raises(ProviderError) as failed:
            await answer(chat)

    assert (type(failed.value), failed.value.vendor_code) == (kind, code)
