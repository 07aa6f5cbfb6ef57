"""An account's key pair, exchanged for the temporary key that Ark's chat takes."""

import traceback
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from backend.errors import ConfigError, ProviderError, ProviderRefused, ProviderUnavailable
from backend.ports import Message, TextDelta
from backend.providers.volcengine.ark import ArkChat
from backend.providers.volcengine.ark_keys import REFRESH_BEFORE_S, TemporaryKey
from backend.providers.volcengine.config import ArkConfig
from tests.providers.odd_chat import END, Refusal, Stream, odd_chat, text
from tests.support.key_service import key_service, lends

SECRET = "the-secret-key"


def config(**more: Any) -> ArkConfig:
    return ArkConfig("ep-1", access_key="the-access-key", secret_key=SECRET, **more)


class Exchanges:
    """Hands out keys that live for a while, or fails when told to."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self.count = 0
        self.now = 1000.0
        self.error: ProviderError | None = None

    def __call__(self, _: ArkConfig) -> tuple[str, float]:
        self.count += 1
        if self.error is not None:
            raise self.error
        return f"key {self.count}", self.now + self._lifetime_s


def test_half_a_pair_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="secret key"):
        ArkConfig("ep-1", access_key="half")


async def test_a_key_is_fetched_once_and_again_before_it_expires() -> None:
    exchanges = Exchanges(lifetime_s=REFRESH_BEFORE_S + 100)
    key = TemporaryKey(config(), exchanges, lambda: exchanges.now)

    assert [await key.get(), await key.get()] == ["key 1", "key 1"]
    exchanges.now += 101
    assert await key.get() == "key 2"


async def test_a_key_that_still_lives_serves_on_when_a_new_one_cannot_be_had() -> None:
    exchanges = Exchanges(lifetime_s=REFRESH_BEFORE_S + 100)
    key = TemporaryKey(config(), exchanges, lambda: exchanges.now)
    await key.get()
    exchanges.error = ProviderUnavailable("llm", "down")
    exchanges.now += 101

    assert await key.get() == "key 1"
    exchanges.now += REFRESH_BEFORE_S
    with pytest.raises(ProviderUnavailable, match="down"):
        await key.get()


async def test_the_pair_signs_for_a_key_and_the_key_opens_the_chat() -> None:
    asked: list[Any] = []

    def answer(request: web.Request, body: Any) -> web.Response:
        asked.append((request.query["Action"], body, request.headers["Authorization"]))
        return lends("temporary")

    async with key_service(answer) as keys_url, odd_chat(Stream([text("好"), *END])) as service:
        chat = ArkChat(config(base_url=service.url, keys_url=keys_url))
        items = [item async for item in chat.reply([Message("user", "你好")])]
        await chat.aclose()

    assert items == [TextDelta("好")]
    assert service.headers[0]["Authorization"] == "Bearer temporary"
    action, body, authorization = asked[0]
    assert (action, body["ResourceType"], body["ResourceIds"]) == ("GetApiKey", "endpoint", ["ep-1"])
    assert "the-access-key" in authorization
    assert SECRET not in authorization


async def test_a_key_that_the_service_tells_in_its_refusal_is_not_passed_on() -> None:
    def answer(_: web.Request, __: Any) -> web.Response:
        return lends("temporary-key-1")

    refusal = {"error": {"code": "AuthenticationError", "message": "no such key: temporary-key-1"}}
    async with key_service(answer) as keys_url, odd_chat(Refusal(401, refusal)) as service:
        chat = ArkChat(config(base_url=service.url, keys_url=keys_url))
        with pytest.raises(ProviderRefused, match="no such key: \\*\\*\\*") as caught:
            await anext(chat.reply([Message("user", "你好")]))
        await chat.aclose()

    assert "temporary-key-1" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("status", [200, 403])
async def test_a_pair_that_is_refused_is_told_with_its_code(status: int) -> None:
    def answer(_: web.Request, __: Any) -> web.Response:
        error = {"Code": "InvalidAccessKey", "Message": f"no such key {SECRET}"}
        return web.json_response({"ResponseMetadata": {"RequestId": "r-9", "Error": error}}, status=status)

    async with key_service(answer) as keys_url:
        chat = ArkChat(config(base_url="http://127.0.0.1:9", keys_url=keys_url))
        with pytest.raises(ProviderRefused) as caught:
            await anext(chat.reply([Message("user", "你好")]))
        await chat.aclose()

    assert caught.value.vendor_code == "InvalidAccessKey"
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_an_exchange_that_cannot_be_reached_is_unavailable() -> None:
    chat = ArkChat(config(base_url="http://127.0.0.1:9", keys_url="http://127.0.0.1:9", retry_backoff_s=0.0))
    with pytest.raises(ProviderUnavailable, match="exchanged"):
        await anext(chat.reply([Message("user", "你好")]))
    await chat.aclose()


@pytest.mark.parametrize(
    ("model", "resource_type", "project"),
    [("ep-1", "endpoint", None), ("ep-m-1", "presetendpoint", "default"), ("doubao-x", "presetendpoint", "default")],
)
async def test_the_kind_of_model_is_named(model: str, resource_type: str, project: str | None) -> None:
    asked: list[Any] = []

    def answer(_: web.Request, body: Any) -> web.Response:
        asked.append(body)
        return lends("temporary")

    async with key_service(answer) as keys_url:
        key = TemporaryKey(replace(config(keys_url=keys_url), model=model))
        assert await key.get() == "temporary"

    assert (asked[0]["ResourceType"], asked[0].get("ProjectName")) == (resource_type, project)
