"""Chat over plain HTTP: streams, whole answers, and errors."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from emulator.script import Fault, Reply, Script
from tests.support.emulator import EmulatorHandle, running_emulator

USER = [{"role": "user", "content": "在吗"}]
KEY = {"Authorization": "Bearer k"}


@asynccontextmanager
async def asked(
    vendor: EmulatorHandle, body: Any, *, path: str = "/api/v3/chat/completions", headers: dict[str, str] = KEY
) -> AsyncIterator[aiohttp.ClientResponse]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as http, http.post(vendor.http_url + path, data=data, headers=headers) as answer:
        yield answer


async def _chunks(answer: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    events = (await answer.text()).strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events[:-1]]


def _streamed(**more: Any) -> dict[str, Any]:
    return {"model": "ep-1", "stream": True, "messages": USER, **more}


async def test_a_stream_names_its_role_in_every_delta_and_ends_with_a_reason() -> None:
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, _streamed()) as answer:
        assert answer.content_type == "text/event-stream"
        chunks = await _chunks(answer)

    choices = [chunk["choices"][0] for chunk in chunks]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": "我在"},
        {"role": "assistant", "content": "呢。"},
        {"role": "assistant", "content": ""},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert {(chunk["object"], chunk["model"], chunk["service_tier"]) for chunk in chunks} == {
        ("chat.completion.chunk", "scripted", "default")
    }


async def test_the_usage_chunk_comes_last_when_asked_for() -> None:
    body = _streamed(stream_options={"include_usage": True})
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        last = (await _chunks(answer))[-1]

    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 2
    assert last["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}


async def test_chunk_include_usage_counts_along() -> None:
    body = _streamed(stream_options={"chunk_include_usage": True})
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        chunks = await _chunks(answer)

    assert [chunk["usage"]["completion_tokens"] for chunk in chunks[:2]] == [1, 2]


async def test_reasoning_comes_before_the_answer_in_a_field_of_its_own() -> None:
    script = Script(replies=(Reply(text="好", thinks="嗯"),))
    async with running_emulator(script) as vendor, asked(vendor, _streamed()) as answer:
        deltas = [chunk["choices"][0]["delta"] for chunk in await _chunks(answer)]

    assert deltas[0] == {"role": "assistant", "reasoning_content": "嗯"}
    assert deltas[1] == {"role": "assistant", "content": "好"}


@pytest.mark.parametrize("off", [{"thinking": {"type": "disabled"}}, {"reasoning_effort": "minimal"}])
@pytest.mark.parametrize("stream", [True, False])
async def test_reasoning_that_is_switched_off_is_neither_told_nor_counted(off: dict[str, Any], stream: bool) -> None:
    script = Script(replies=(Reply(text="好", thinks="嗯"),))
    body = _streamed(stream_options={"include_usage": True}) | off | {"stream": stream}
    async with running_emulator(script) as vendor, asked(vendor, body) as answer:
        text = await answer.text()
        usage = (await _chunks(answer))[-1]["usage"] if stream else (await answer.json())["usage"]

    assert "reasoning_content" not in text
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize(
    ("stop", "told"), [("呢", "我在"), (["外", "在呢"], "我"), (["外"], "我在呢。"), ([], "我在呢。")]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_ends_before_the_first_stop_string(stop: Any, told: str, stream: bool) -> None:
    body = {"model": "ep-1", "messages": USER, "stop": stop, "stream": stream}
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        if stream:
            choices = [chunk["choices"][0] for chunk in await _chunks(answer)]
            text = "".join(choice["delta"]["content"] for choice in choices)
        else:
            choices = (await answer.json())["choices"]
            text = choices[0]["message"]["content"]

    assert (text, choices[-1]["finish_reason"]) == (told, "stop")


async def test_a_whole_answer_is_one_object() -> None:
    body = {"model": "ep-1", "messages": USER}
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        whole = await answer.json()

    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "我在呢。"}
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] == 2


async def test_max_tokens_cuts_the_answer_short() -> None:
    body = {"model": "ep-1", "messages": USER, "max_tokens": 1}
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        choice = (await answer.json())["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("我在", "length")


async def test_an_answer_as_long_as_max_tokens_is_not_called_cut() -> None:
    body = {"model": "ep-1", "messages": USER, "max_tokens": 2}
    async with running_emulator(Script(replies=("我在呢。",))) as vendor, asked(vendor, body) as answer:
        assert (await answer.json())["choices"][0]["finish_reason"] == "stop"


async def test_without_a_script_the_users_own_words_come_back() -> None:
    parts = [{"type": "text", "text": "你"}, {"type": "text", "text": "好"}]
    body = {"model": "ep-1", "messages": [*USER, {"role": "user", "content": parts}]}
    async with running_emulator() as vendor, asked(vendor, body) as answer:
        assert (await answer.json())["choices"][0]["message"]["content"] == "你好"


async def test_nulls_and_unknown_keys_are_ignored() -> None:
    nulls = dict.fromkeys(("temperature", "max_tokens", "stop", "stream_options", "tools", "thinking", "n"))
    body = {"model": "ep-1", "messages": USER, "novelty": {"a": 1}, **nulls}
    async with running_emulator() as vendor, asked(vendor, body) as answer:
        assert answer.status == 200


async def test_the_plain_openai_path_is_the_same_service() -> None:
    body = {"model": "m", "messages": USER}
    async with running_emulator() as vendor, asked(vendor, body, path="/v1/chat/completions") as answer:
        assert (await answer.json())["choices"][0]["message"]["content"] == "在吗"


async def test_request_ids_go_back() -> None:
    headers = KEY | {"X-Client-Request-Id": "mine"}
    async with running_emulator() as vendor, asked(vendor, _streamed(), headers=headers) as answer:
        assert answer.headers["X-Client-Request-Id"] == "mine"
        assert answer.headers["X-Request-Id"] == (await _chunks(answer))[0]["id"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "InvalidParameter", ""),
        (b"[" * 200_000, "InvalidParameter", ""),
        ([], "InvalidParameter", ""),
        ({"messages": USER}, "MissingParameter", "model"),
        ({"model": "m"}, "MissingParameter", "messages"),
        ({"model": "m", "messages": []}, "MissingParameter", "messages"),
        ({"model": "m", "messages": "hi"}, "InvalidParameter", "messages"),
        ({"model": "m", "messages": [{"role": "bot", "content": ""}]}, "InvalidParameter", "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user"}]}, "InvalidParameter", "messages[0].content"),
        ({"model": "m", "messages": USER, "stream": "yes"}, "InvalidParameter", "stream"),
        ({"model": "m", "messages": USER, "temperature": 3}, "InvalidParameter", "temperature"),
        ({"model": "m", "messages": USER, "max_tokens": -1}, "InvalidParameter", "max_tokens"),
        ({"model": "m", "messages": USER, "stop": 5}, "InvalidParameter", "stop"),
        ({"model": "m", "messages": USER, "stop": ["a", "b", "c", "d", "e"]}, "InvalidParameter", "stop"),
    ],
)
async def test_a_wrong_request_is_400_with_the_vendors_body(body: Any, code: str, param: str) -> None:
    async with running_emulator() as vendor, asked(vendor, body) as answer:
        error = (await answer.json())["error"]
        request_id = answer.headers["X-Request-Id"]

    assert answer.status == 400
    assert (error["code"], error["param"], error["type"]) == (code, param, "BadRequest")
    assert error["message"].endswith(f" Request id: {request_id}")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer stranger"}])
async def test_a_missing_or_wrong_key_is_401(headers: dict[str, str]) -> None:
    body = {"model": "m", "messages": USER}
    async with (
        running_emulator(Script(keys=frozenset({"k"}))) as vendor,
        asked(vendor, body, headers=headers) as answer,
    ):
        error = (await answer.json())["error"]

    assert answer.status == 401
    assert (error["code"], error["type"]) == ("AuthenticationError", "Unauthorized")


@pytest.mark.parametrize(
    ("status", "code", "type_"),
    [
        (403, "AccessDenied", "Forbidden"),
        (404, "InvalidEndpointOrModel.NotFound", "NotFound"),
        (429, "RateLimitExceeded.EndpointRPMExceeded", "TooManyRequests"),
        (500, "InternalServiceError", "InternalServerError"),
        (503, "InternalServiceError", "ServiceUnavailable"),
    ],
)
async def test_a_refusal_of_the_script_has_its_statuss_code_and_type(status: int, code: str, type_: str) -> None:
    script = Script(faults=(Fault(service="chat", kind="refuse", status=status),))
    async with running_emulator(script) as vendor, asked(vendor, _streamed()) as answer:
        error = (await answer.json())["error"]

    assert answer.status == status
    assert (error["code"], error["type"]) == (code, type_)


async def test_stats_keep_what_was_asked_and_when_the_first_token_went() -> None:
    async with running_emulator() as vendor, asked(vendor, _streamed()) as answer:
        await answer.read()
        stats = vendor.stats()

    assert stats["chat"]["requests"] == [{"path": "/api/v3/chat/completions", "json": _streamed()}]
    assert [stamp["what"] for stamp in stats["stamps"]] == ["first_token"]
