"""The vendors' own chat libraries, unchanged, against the emulator."""

from typing import Any

import openai
import pytest
from volcenginesdkarkruntime import AsyncArk
from volcenginesdkarkruntime._exceptions import (  # the library shows them nowhere else
    ArkAPIError,
    ArkAPITimeoutError,
    ArkAuthenticationError,
    ArkNotFoundError,
    ArkRateLimitError,
)

from emulator.script import Fault, Reply, Script
from tests.support.emulator import EmulatorHandle, running_emulator

USER: Any = [{"role": "user", "content": "在吗"}]
SCRIPT = Script(replies=(Reply(text="我在呢。", thinks="嗯"),))


def ark(vendor: EmulatorHandle, *, key: str = "k", retries: int = 0, timeout_s: float = 10) -> AsyncArk:
    return AsyncArk(api_key=key, base_url=vendor.ark_url, max_retries=retries, timeout=timeout_s)


def plain(vendor: EmulatorHandle, *, retries: int = 0) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="k", base_url=vendor.openai_url, max_retries=retries)


async def test_ark_streams_thought_text_and_usage() -> None:
    async with running_emulator(SCRIPT) as vendor:
        stream = await ark(vendor).chat.completions.create(
            model="ep-1",
            messages=USER,
            stream=True,
            stream_options={"include_usage": True},
            thinking={"type": "enabled"},
        )
        chunks = [chunk async for chunk in stream]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "我在呢。"
    assert "".join(delta.reasoning_content or "" for delta in deltas) == "嗯"
    assert chunks[-1].usage.completion_tokens == 3


async def test_ark_gets_a_whole_answer() -> None:
    async with running_emulator(SCRIPT) as vendor:
        answer = await ark(vendor).chat.completions.create(model="ep-1", messages=USER)

    assert answer.choices[0].message.content == "我在呢。"
    assert answer.choices[0].message.reasoning_content == "嗯"


async def test_ark_raises_its_own_errors() -> None:
    faults = tuple(Fault(service="chat", kind="refuse", nth=nth, status=status) for nth, status in ((1, 404), (2, 429)))
    async with running_emulator(Script(faults=faults, keys=frozenset({"k"}))) as vendor:
        with pytest.raises(ArkNotFoundError) as missing:
            await ark(vendor).chat.completions.create(model="ep-1", messages=USER)
        with pytest.raises(ArkRateLimitError) as hurried:
            await ark(vendor).chat.completions.create(model="ep-1", messages=USER)
        with pytest.raises(ArkAuthenticationError) as stranger:
            await ark(vendor, key="other").chat.completions.create(model="ep-1", messages=USER)

    assert missing.value.code == "InvalidEndpointOrModel.NotFound"
    assert (hurried.value.code, hurried.value.type) == ("RateLimitExceeded.EndpointRPMExceeded", "TooManyRequests")
    assert stranger.value.code == "AuthenticationError"


async def test_ark_tries_a_busy_service_again_and_gets_its_answer() -> None:
    faults = (Fault(service="chat", kind="refuse", status=429),)
    async with running_emulator(Script(faults=faults, replies=("在。",))) as vendor:
        answer = await ark(vendor, retries=1).chat.completions.create(model="ep-1", messages=USER)

        chat = vendor.stats()["chat"]
    assert (chat["refused"], chat["sessions"], chat["handshakes"]) == (1, 1, 1)
    assert answer.choices[0].message.content == "在。"


async def test_ark_raises_on_an_error_in_mid_stream_and_knows_its_request() -> None:
    faults = (Fault(service="chat", kind="error", at="mid", code="InternalServiceError", message="broke"),)
    async with running_emulator(Script(faults=faults)) as vendor:
        stream = await ark(vendor).chat.completions.create(model="ep-1", messages=USER, stream=True)
        with pytest.raises(ArkAPIError) as broken:
            [chunk async for chunk in stream]

    assert broken.value.code == "InternalServiceError"
    assert "broke" in broken.value.message


async def test_ark_gives_up_on_a_stalled_stream() -> None:
    faults = (Fault(service="chat", kind="connect_stall"),)
    async with running_emulator(Script(faults=faults)) as vendor:
        with pytest.raises(ArkAPITimeoutError):
            await ark(vendor, timeout_s=0.2).chat.completions.create(model="ep-1", messages=USER, stream=True)


async def test_openai_streams_text_and_usage() -> None:
    async with running_emulator(SCRIPT) as vendor:
        stream = await plain(vendor).chat.completions.create(
            model="m", messages=USER, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "我在呢。"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


async def test_openai_gets_a_whole_answer() -> None:
    async with running_emulator(SCRIPT) as vendor:
        answer = await plain(vendor).chat.completions.create(model="m", messages=USER)

    assert answer.choices[0].message.content == "我在呢。"


async def test_openai_raises_its_own_errors() -> None:
    faults = (
        Fault(service="chat", kind="refuse", nth=1, status=429),
        Fault(service="chat", kind="error", nth=2, at="mid", code="InternalServiceError"),
    )
    async with running_emulator(Script(faults=faults)) as vendor:
        with pytest.raises(openai.RateLimitError) as hurried:
            await plain(vendor).chat.completions.create(model="m", messages=USER)
        stream = await plain(vendor).chat.completions.create(model="m", messages=USER, stream=True)
        with pytest.raises(openai.APIError) as broken:
            [chunk async for chunk in stream]

    assert hurried.value.request_id is not None
    assert hurried.value.code == "RateLimitExceeded.EndpointRPMExceeded"
    assert broken.value.code == "InternalServiceError"
