"""Qwen on the OpenAI-compatible path, asked by the `openai` library."""

import json
from typing import Any

import aiohttp
import openai
import pytest

from emulator.script import Fault, Kind, Reply, Script
from tests.emulator.dashscope_dial import golden
from tests.support.emulator import EmulatorHandle, running_emulator

USER: Any = [{"role": "user", "content": "在吗"}]
THINKS = Script(replies=(Reply(text="我在呢。", thinks="嗯"),))


def qwen(vendor: EmulatorHandle, *, key: str = "sk") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=key, base_url=vendor.qwen_url, max_retries=0)


@pytest.mark.parametrize(("thinking", "thoughts"), [(False, ""), (True, "嗯")])
async def test_qwen_streams_text_usage_and_thoughts_if_they_are_wanted(thinking: bool, thoughts: str) -> None:
    async with running_emulator(THINKS) as vendor:
        stream = await qwen(vendor).chat.completions.create(
            model="qwen-flash",
            messages=USER,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"enable_thinking": thinking},
        )
        chunks = [chunk async for chunk in stream]
        asked = vendor.stats()["chat"]["requests"][0]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "我在呢。"
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == thoughts
    assert chunks[0].id.startswith("chatcmpl-")
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2 + bool(thoughts)
    assert asked["path"] == "/compatible-mode/v1/chat/completions"
    assert asked["json"]["enable_thinking"] is thinking


async def test_the_captured_request_is_answered_in_the_documented_shape() -> None:
    url = "/compatible-mode/v1/chat/completions"
    async with running_emulator(Script(replies=("你好",))) as vendor, aiohttp.ClientSession(vendor.http_url) as http:
        request = json.loads(golden("chat.request.stream"))
        async with http.post(url, json=request, headers={"Authorization": "Bearer sk"}) as response:
            answer = await response.text()

    told, documented = (_chunks(text) for text in (answer, golden("chat.response.sse")))
    assert told[0].keys() == documented[0].keys()
    assert told[-1].keys() == documented[-1].keys()
    assert (told[-1]["choices"], documented[-1]["choices"]) == ([], [])
    assert answer.endswith("data: [DONE]\n\n")


async def test_a_whole_answer_has_no_thoughts_to_wait_for() -> None:
    async with running_emulator(THINKS) as vendor:
        with pytest.raises(openai.BadRequestError, match="enable_thinking must be set to false"):
            await qwen(vendor).chat.completions.create(
                model="qwen-plus", messages=USER, extra_body={"enable_thinking": True}
            )
        answer = await qwen(vendor).chat.completions.create(
            model="qwen-plus", messages=USER, extra_body={"enable_thinking": False}
        )

    assert answer.choices[0].message.content == "我在呢。"


@pytest.mark.parametrize(
    ("model", "thoughts"),
    [
        ("qwen-flash", ""),
        ("qwen-plus", ""),
        ("qwen3-max", ""),
        ("qwen-max", ""),
        ("qwen3.5-plus", "嗯"),
        ("qwq-32b", "嗯"),
    ],
)
async def test_each_model_thinks_unasked_or_does_not(model: str, thoughts: str) -> None:
    async with running_emulator(THINKS) as vendor:
        stream = await qwen(vendor).chat.completions.create(model=model, messages=USER, stream=True)
        deltas = [chunk.choices[0].delta.to_dict() async for chunk in stream]

    assert "".join(str(delta.get("reasoning_content", "")) for delta in deltas) == thoughts
    assert [delta["content"] for delta in deltas if "reasoning_content" in delta] == [None] * len(thoughts)


async def test_a_model_that_cannot_think_refuses_to() -> None:
    async with running_emulator(THINKS, may_leave_lines=True) as vendor:
        with pytest.raises(openai.BadRequestError) as refused:
            await qwen(vendor).chat.completions.create(
                model="qwen-max", messages=USER, stream=True, extra_body={"enable_thinking": True}
            )

    assert refused.value.code == "InvalidParameter.NotSupportEnableThinking"


@pytest.mark.parametrize(
    ("model", "key", "error", "shape"),
    [
        ("qwen-flash", "other", openai.AuthenticationError, "chat.error.401"),
        ("doubao", "sk", openai.NotFoundError, "chat.error.404"),
    ],
)
async def test_errors_have_the_documented_shape(
    model: str, key: str, error: type[openai.APIStatusError], shape: str
) -> None:
    documented = json.loads(golden(shape))
    async with running_emulator(Script(keys=frozenset({"sk"}))) as vendor:
        with pytest.raises(error) as failed:
            await qwen(vendor, key=key).chat.completions.create(model=model, messages=USER)

    said = failed.value.response.json()
    assert said.keys() == documented.keys()
    assert (said["error"]["code"], said["error"]["type"]) == (documented["error"]["code"], documented["error"]["type"])
    assert failed.value.request_id == said["request_id"]


async def test_the_script_can_limit_and_break() -> None:
    faults = (
        Fault(service="chat", kind=Kind.REFUSE, nth=1, status=429),
        Fault(service="chat", kind=Kind.ERROR, nth=2, at="mid", code="data_inspection_failed"),
    )
    async with running_emulator(Script(faults=faults)) as vendor:
        with pytest.raises(openai.RateLimitError) as hurried:
            await qwen(vendor).chat.completions.create(model="qwen-flash", messages=USER)
        stream = await qwen(vendor).chat.completions.create(model="qwen-flash", messages=USER, stream=True)
        with pytest.raises(openai.APIError) as broken:
            [chunk async for chunk in stream]

    assert (hurried.value.code, hurried.value.type) == ("limit_requests", "limit_requests")
    assert broken.value.code == "data_inspection_failed"


def _chunks(stream: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]
