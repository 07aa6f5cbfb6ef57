"""Ark and OpenAI-compatible chat through their real libraries: what holds for both."""

import asyncio
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from backend.errors import ContentRefused, ProviderError, ProviderRefused, ProviderTimeout, ProviderUnavailable
from backend.ports import ChatItem, ChatUsage, Message, TextDelta
from backend.providers.chat_stream import StreamedChat
from backend.providers.openai_chat import ChatConfig, OpenAiChat
from backend.providers.volcengine.ark import ArkChat
from backend.providers.volcengine.config import ArkConfig
from emulator.script import Fault, Kind, Reply, Script
from tests.providers.odd_chat import DONE, END, Refusal, Stream, odd_chat, text, usage
from tests.providers.odd_vendor import until
from tests.support.emulator import running_emulator

KEY = "sk-very-secret"
HELLO = [Message("system", "你是青青。"), Message("user", "你好")]

Make = Callable[..., StreamedChat]


def ark(url: str, **more: Any) -> StreamedChat:
    return ArkChat(ArkConfig("ep-1", api_key=KEY, base_url=url, **({"retry_backoff_s": 0.0} | more)))


def openai(url: str, **more: Any) -> StreamedChat:
    return OpenAiChat(ChatConfig(url, "any-model", api_key=KEY, **({"retry_backoff_s": 0.0} | more)))


both = pytest.mark.parametrize("make", [ark, openai])


@asynccontextmanager
async def chatting(make: Make, url: str, **more: Any) -> AsyncIterator[StreamedChat]:
    chat = make(url, **more)
    yield chat
    await chat.aclose()


async def answer(chat: StreamedChat) -> list[ChatItem]:
    return [item async for item in chat.reply(HELLO)]


def joined(items: list[ChatItem]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))


@both
async def test_an_answer_comes_in_pieces_and_its_cost_at_the_end(make: Make) -> None:
    reply = Reply(text="我很好。", tokens=("我", "很", "好。"), thinks="他问好。")
    async with running_emulator(Script(replies=(reply,))) as vendor:
        url = vendor.ark_url if make is ark else vendor.openai_url
        async with chatting(make, url) as chat:
            items = await answer(chat)
        asked = vendor.stats()["chat"]["requests"][0]["json"]

    assert items[:-1] == [TextDelta("我"), TextDelta("很"), TextDelta("好。")]
    assert isinstance(items[-1], ChatUsage)
    assert asked["messages"] == [{"role": "system", "content": "你是青青。"}, {"role": "user", "content": "你好"}]
    assert (asked["stream"], asked["temperature"], asked["max_tokens"]) == (True, 0.8, 2000)


@both
async def test_turn_after_turn_uses_one_connection(make: Make) -> None:
    async with odd_chat(*[Stream([text("好"), *END])] * 3) as service, chatting(make, service.url) as chat:
        for _ in range(3):
            await answer(chat)

    assert len(service.connections) == 1


@both
async def test_cost_is_told_once_with_what_was_cached(make: Make) -> None:
    running = text("好") | {"usage": usage(7, 1)["usage"]}
    async with (
        odd_chat(Stream([running, text("", "stop"), usage(7, 2, cached=3), DONE])) as service,
        chatting(make, service.url) as chat,
    ):
        assert await answer(chat) == [TextDelta("好"), ChatUsage(7, 2, 3)]


@both
async def test_chunks_that_hold_nothing_are_passed_over(make: Make) -> None:
    odd = [text(None), text("好", reasoning_content="嗯"), {"object": "chat.completion.chunk"}, text(""), *END]
    async with odd_chat(Stream(odd)) as service, chatting(make, service.url) as chat:
        assert await answer(chat) == [TextDelta("好")]


REFUSED = {"code": "AuthenticationError", "message": f"The API key {KEY} is wrong"}


@both
@pytest.mark.parametrize(
    ("status", "code", "kind", "tries"),
    [
        (400, "SensitiveContentDetected", ContentRefused, 1),
        (401, "AuthenticationError", ProviderRefused, 1),
        (403, "AccountOverdueError", ProviderRefused, 1),
        (404, "ModelNotOpen", ProviderRefused, 1),
        (429, "QuotaExceeded", ProviderRefused, 1),
        (429, "SetLimitExceeded", ProviderRefused, 1),
        (429, "ServerOverloaded", ProviderUnavailable, 2),
        (429, "RateLimitExceeded.EndpointRPMExceeded", ProviderUnavailable, 2),
        (500, "InternalServiceError", ProviderUnavailable, 2),
        (503, None, ProviderUnavailable, 2),
    ],
)
async def test_a_refusal_is_told_by_its_code_and_repeated_only_where_that_may_help(
    make: Make, status: int, code: str | None, kind: type[ProviderError], tries: int
) -> None:
    no = Refusal(status, {"error": {"code": code, "message": "no"}}, {"X-Request-Id": "req-7"})
    async with odd_chat(no, no) as service, chatting(make, service.url) as chat:
        with pytest.raises(ProviderError) as caught:
            await answer(chat)

    assert (type(caught.value), caught.value.vendor_code) == (kind, code or f"HTTP {status}")
    assert (caught.value.code, caught.value.log_id, len(service.asked)) == ("LLMFailed", "req-7", tries)


@both
async def test_an_overloaded_service_is_asked_once_more(make: Make) -> None:
    no = Refusal(429, {"error": {"code": "ServerOverloaded", "message": "later"}})
    async with odd_chat(no, Stream([text("好"), *END])) as service, chatting(make, service.url) as chat:
        assert joined(await answer(chat)) == "好"


@both
@pytest.mark.parametrize(
    "broken",
    [
        Stream([{"error": {"code": "InternalServiceError", "message": "sorry"}}]),
        Stream(["{this is no json"]),
        Stream(["[1, 2]"]),
        Stream([]),
    ],
    ids=["error", "no json", "no chunk", "nothing"],
)
async def test_a_stream_that_breaks_before_any_text_is_asked_for_once_more(make: Make, broken: Stream) -> None:
    async with odd_chat(broken, Stream([text("好"), *END])) as service, chatting(make, service.url) as chat:
        assert joined(await answer(chat)) == "好"


@both
@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ([{"error": {"code": "InternalServiceError", "message": "sorry"}}], "sorry"),
        (["{this is no json"], "connection to the service failed"),
        ([], "broke off"),
    ],
    ids=["error", "no json", "end"],
)
async def test_a_stream_that_breaks_after_text_is_an_error_and_never_repeated(
    make: Make, last: list[Any], reason: str
) -> None:
    async with odd_chat(Stream([text("好"), *last])) as service, chatting(make, service.url) as chat:
        reply = chat.reply(HELLO)
        assert await anext(reply) == TextDelta("好")
        with pytest.raises(ProviderUnavailable, match=reason):
            await anext(reply)

    assert len(service.asked) == 1


@both
async def test_a_connection_that_is_cut_is_an_error(make: Make) -> None:
    fault = Fault(service="chat", kind=Kind.CUT, at="mid")
    async with running_emulator(Script(replies=("你好呀",), faults=(fault,))) as vendor:
        url = vendor.ark_url if make is ark else vendor.openai_url
        async with chatting(make, url) as chat:
            with pytest.raises(ProviderUnavailable):
                await answer(chat)


@both
async def test_a_stream_that_fails_for_good_is_refused(make: Make) -> None:
    bad = Stream([{"error": {"code": "SensitiveContentDetected", "message": "no"}}])
    async with odd_chat(bad) as service, chatting(make, service.url) as chat:
        with pytest.raises(ProviderRefused):
            await answer(chat)


@both
async def test_an_answer_that_is_withheld_is_refused(make: Make) -> None:
    async with (
        odd_chat(Stream([text("", "content_filter"), DONE])) as service,
        chatting(make, service.url) as chat,
    ):
        with pytest.raises(ProviderRefused, match="withheld"):
            await answer(chat)


@both
async def test_an_answer_that_is_cut_at_its_length_is_an_answer(make: Make) -> None:
    async with (
        odd_chat(Stream([text("好"), text("", "length"), DONE])) as service,
        chatting(make, service.url) as chat,
    ):
        assert await answer(chat) == [TextDelta("好")]


@both
@pytest.mark.parametrize("events", [[], [text("", reasoning_content="嗯")]], ids=["nothing", "only thoughts"])
async def test_no_text_in_time_is_a_timeout_and_not_repeated(make: Make, events: list[Any]) -> None:
    async with (
        odd_chat(Stream(events, hangs=True)) as service,
        chatting(make, service.url, first_token_timeout_s=0.3, token_timeout_s=600.0) as chat,
    ):
        await chat.warm()
        with pytest.raises(ProviderTimeout, match="no answer within") as caught:
            await answer(chat)
        await service.hung_up.wait()

    assert (caught.value.code, len(service.asked)) == ("LLMTimeout", 1)


@both
async def test_a_pause_in_the_middle_is_a_timeout(make: Make) -> None:
    async with (
        odd_chat(Stream([text("好")], hangs=True)) as service,
        chatting(make, service.url, token_timeout_s=0.05) as chat,
    ):
        with pytest.raises(ProviderTimeout, match="paused"):
            await answer(chat)
        await service.hung_up.wait()


@both
async def test_whoever_closes_the_iterator_ends_the_request(make: Make) -> None:
    async with odd_chat(Stream([text("好")], hangs=True)) as service, chatting(make, service.url) as chat:
        async with aclosing(chat.reply(HELLO)) as reply:
            assert await anext(reply) == TextDelta("好")
        await service.hung_up.wait()


@both
async def test_a_task_that_is_cancelled_while_it_waits_ends_the_request(make: Make) -> None:
    async with odd_chat(Stream([], hangs=True)) as service, chatting(make, service.url) as chat:
        waiting = asyncio.ensure_future(answer(chat))
        await until(lambda: service.asked)
        waiting.cancel()
        await service.hung_up.wait()


@both
async def test_nobody_at_the_address_is_unavailable(make: Make) -> None:
    async with chatting(make, "http://127.0.0.1:9/v1") as chat:
        with pytest.raises(ProviderUnavailable, match="connection to the service failed"):
            await answer(chat)


@both
async def test_no_error_shows_the_key(make: Make) -> None:
    async with odd_chat(Refusal(401, {"error": REFUSED})) as service, chatting(make, service.url) as chat:
        with pytest.raises(ProviderRefused, match=r"API key \*\*\*") as caught:
            await answer(chat)

    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(chat)


@both
async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with odd_chat(Stream([text("好"), *END])) as service, chatting(make, service.url) as chat:
        assert joined(await answer(chat)) == "好"


async def test_ark_switches_thinking_off() -> None:
    async with odd_chat(Stream([text("好"), *END])) as service, chatting(ark, service.url) as chat:
        await answer(chat)

    assert service.asked[0]["thinking"] == {"type": "disabled"}
    assert service.asked[0]["stream_options"] == {"include_usage": True}


async def test_a_model_without_the_switch_is_asked_without_it_from_then_on() -> None:
    no = Refusal(400, {"error": {"code": "InvalidParameter", "message": "`thinking` is not valid"}})
    fine = Stream([text("好"), *END])
    async with odd_chat(no, fine, fine) as service, chatting(ark, service.url) as chat:
        assert joined(await answer(chat)) == "好"
        assert joined(await answer(chat)) == "好"

    assert [asked.get("thinking") for asked in service.asked] == [{"type": "disabled"}, None, None]


async def test_another_wrong_parameter_is_not_blamed_on_the_switch() -> None:
    no = Refusal(400, {"error": {"code": "InvalidParameter", "message": "`temperature` is not valid"}})
    async with odd_chat(no, no, Stream([text("好"), *END])) as service, chatting(ark, service.url) as chat:
        with pytest.raises(ProviderRefused, match="temperature"):
            await answer(chat)
        await answer(chat)

    assert [asked.get("thinking") for asked in service.asked] == [{"type": "disabled"}, None, {"type": "disabled"}]


async def test_thinking_may_be_left_on() -> None:
    async with (
        odd_chat(Stream([text("好"), *END])) as service,
        chatting(ark, service.url, thinking_off=False) as chat,
    ):
        await answer(chat)

    assert "thinking" not in service.asked[0]


async def test_an_openai_compatible_service_gets_what_it_needs_and_nothing_else() -> None:
    more = {"temperature": None, "max_tokens": None, "ask_usage": False, "extra_body": {"enable_thinking": False}}
    async with odd_chat(Stream([text("好"), *END])) as service, chatting(openai, service.url, **more) as chat:
        await answer(chat)

    assert set(service.asked[0]) == {"model", "messages", "stream", "enable_thinking"}
    assert service.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_a_service_without_keys_needs_none() -> None:
    async with odd_chat(Stream([text("好"), *END])) as service:
        chat = OpenAiChat(ChatConfig(service.url, "any"))

        assert joined(await answer(chat)) == "好"
        await chat.aclose()


def test_calls_are_taken_before_the_libraries_of_chat_and_of_the_page_are_loaded() -> None:
    code = """
import sys
import backend.handler
from backend.providers.openai_chat import ChatConfig, OpenAiChat
from backend.providers.volcengine.ark import ArkChat
from backend.providers.volcengine.config import ArkConfig
ArkChat(ArkConfig("ep-1", api_key="k")), OpenAiChat(ChatConfig("http://127.0.0.1/v1", "m"))
sys.exit(bool({"openai", "volcenginesdkarkruntime", "httpx", "httpx2", "aiohttp"} & set(sys.modules)))
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def unsupported(name: str, held: asyncio.Event | None = None) -> Refusal:
    """What a model that reasons says of a parameter."""
    error = {"code": "unsupported_parameter", "message": f"Unsupported parameter: '{name}' is not supported"}
    return Refusal(400, {"error": error}, held=held)


@pytest.mark.parametrize("refused", ["temperature", "max_tokens"])
async def test_a_parameter_that_the_model_refuses_by_name_is_left_out_from_then_on(
    refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    fine = Stream([text("好"), *END])
    async with odd_chat(unsupported(refused), fine, fine) as service, chatting(openai, service.url) as chat:
        assert await answer(chat) == await answer(chat) == [TextDelta("好")]

    assert [refused in asked for asked in service.asked] == [True, False, False]
    remedies = [record.__dict__["remedy"] for record in caplog.records if record.msg == "chat.parameter_refused"]
    assert remedies == [f"LLM_{refused.upper()}=off"]


async def test_a_model_that_refuses_one_parameter_after_the_other_answers_with_neither() -> None:
    fine = Stream([text("好"), *END])
    refusals = unsupported("max_tokens"), unsupported("temperature")
    async with odd_chat(*refusals, fine, fine) as service, chatting(openai, service.url) as chat:
        assert await answer(chat) == await answer(chat) == [TextDelta("好")]

    sent = [sorted({"temperature", "max_tokens"} & asked.keys()) for asked in service.asked]
    assert sent == [["max_tokens", "temperature"], ["temperature"], [], []]


async def test_a_parameter_that_is_refused_although_it_was_left_out_is_an_error() -> None:
    refusals = [unsupported("temperature")] * 2
    async with odd_chat(*refusals) as service, chatting(openai, service.url) as chat:
        with pytest.raises(ProviderRefused, match="temperature"):
            await answer(chat)

    assert len(service.asked) == 2


async def test_of_two_first_requests_at_once_the_later_refusal_is_amended_too() -> None:
    fine = Stream([text("好"), *END])
    both_asked, one_answered = asyncio.Event(), asyncio.Event()
    refusals = unsupported("temperature", both_asked), unsupported("temperature", one_answered)
    async with odd_chat(*refusals, fine, fine) as service, chatting(openai, service.url) as chat:
        replies = [asyncio.ensure_future(answer(chat)) for _ in range(2)]
        await until(lambda: len(service.asked) == 2)
        both_asked.set()
        await asyncio.wait(replies, return_when=asyncio.FIRST_COMPLETED)
        one_answered.set()

        assert await asyncio.gather(*replies) == [[TextDelta("好")]] * 2


@both
async def test_more_fields_go_with_the_request_and_what_is_off_does_not(make: Make) -> None:
    wishes = {"extra_body": {"thinking": {"type": "auto"}, "top_p": 0.5}, "temperature": None, "max_tokens": None}
    async with odd_chat(Stream([text("好"), *END])) as service, chatting(make, service.url, **wishes) as chat:
        await answer(chat)

    assert {name: service.asked[0].get(name) for name in ("thinking", "top_p")} == wishes["extra_body"]
    assert not {"temperature", "max_tokens"} & set(service.asked[0])
