"""Chat requests find a connection open, whatever became of the one before."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from backend.ports import ChatItem, Message, TextDelta
from backend.providers.chat_stream import StreamedChat
from backend.providers.dashscope.qwen import QwenChat
from backend.providers.demand import LEAST
from backend.providers.fallback.mind import FallbackChat
from backend.providers.openai_chat import ChatConfig, OpenAiChat
from backend.providers.volcengine.ark import ArkChat
from backend.providers.volcengine.config import ArkConfig
from emulator.script import Fault, Kind, Script
from tests.providers.odd_vendor import until
from tests.support.emulator import EmulatorHandle, running_emulator

HELLO = [Message("user", "你好")]
SCRIPT = Script.model_validate({"replies_always": "好的呀，没问题。", "timing": {"first_token_ms": 50}})

Make = Callable[[EmulatorHandle], StreamedChat]


def ark(vendor: EmulatorHandle) -> StreamedChat:
    return ArkChat(ArkConfig("ep-1", api_key="sk", base_url=vendor.ark_url, retry_backoff_s=0.0))


def openai(vendor: EmulatorHandle) -> StreamedChat:
    return OpenAiChat(ChatConfig(vendor.openai_url, "any", api_key="sk", retry_backoff_s=0.0))


def qwen(vendor: EmulatorHandle) -> StreamedChat:
    return QwenChat(ChatConfig(vendor.qwen_url, "qwen-flash", api_key="sk", retry_backoff_s=0.0))


every = pytest.mark.parametrize("make", [ark, openai, qwen])


@asynccontextmanager
async def chatting(make: Make, script: Script = SCRIPT) -> AsyncIterator[tuple[StreamedChat, EmulatorHandle]]:
    """A chat that was warmed; on letting go, no connection and no task is left."""
    async with running_emulator(script, may_leave_lines=True) as vendor:
        others = asyncio.all_tasks()
        chat = make(vendor)
        await chat.warm()
        yield chat, vendor
        await chat.aclose()
        await vendor.hung_up()
        assert not [task for task in asyncio.all_tasks() - others if "backend/providers" in repr(task)]


def connections(vendor: EmulatorHandle) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = vendor.stats()["connections"]
    return listed


async def refilled(vendor: EmulatorHandle) -> None:
    """Wait until as many connections lie ready as the reserve holds."""
    await until(lambda: vendor.house.stats.door.waiting >= LEAST)


async def asked(chat: StreamedChat | FallbackChat) -> list[ChatItem]:
    return [item async for item in chat.reply(HELLO)]


async def cut(chat: StreamedChat) -> None:
    """A reply of which only the first piece is heard."""
    reply = chat.reply(HELLO)
    assert isinstance(await anext(reply), TextDelta)
    await reply.aclose()


async def dropped(chat: StreamedChat, vendor: EmulatorHandle) -> None:
    """A guess that is dropped before it has an answer."""
    before = vendor.stats()["chat"]["sessions"]
    guess = asyncio.ensure_future(asked(chat))
    await until(lambda: vendor.stats()["chat"]["sessions"] > before)
    guess.cancel()
    with suppress(asyncio.CancelledError):
        await guess


@every
async def test_a_connection_is_ready_before_the_first_turn_and_no_request_is_paid_for_it(make: Make) -> None:
    async with chatting(make) as (chat, vendor):
        assert [each["requests"] for each in connections(vendor)] == [0] * LEAST
        began = time.monotonic_ns()
        reply = chat.reply(HELLO)
        await anext(reply)

        assert [each for each in connections(vendor) if each["ns"] > began] == []
        assert vendor.stats()["chat"]["sessions"] == 1
        await reply.aclose()


@every
async def test_after_a_cut_and_after_a_dropped_guess_the_next_request_finds_an_open_connection(make: Make) -> None:
    async with chatting(make) as (chat, vendor):
        late = []
        for _ in range(3):
            for end in (cut(chat), dropped(chat, vendor)):
                await end
                await refilled(vendor)
                began = time.monotonic_ns()
                reply = chat.reply(HELLO)
                await anext(reply)
                async for _ in reply:
                    pass
                late += [each for each in connections(vendor) if each["ns"] > began]
        stats = vendor.stats()

    assert late == []
    assert stats["chat"]["sessions"] == 12
    assert stats["chat"]["handshakes"] < 12


@every
async def test_the_request_after_a_drop_in_the_same_moment_finds_one_too(make: Make) -> None:
    async with chatting(make) as (chat, vendor):
        warmed = time.monotonic_ns()
        await dropped(chat, vendor)
        await asked(chat)
        used = [each for each in connections(vendor) if each["requests"]]

    assert len(used) == 2
    assert all(each["ns"] < warmed for each in used)


async def test_whole_replies_share_a_connection() -> None:
    async with chatting(ark) as (chat, vendor):
        for _ in range(3):
            await asked(chat)

        assert vendor.stats()["chat"]["sessions_per_socket"] == [3]
        assert len(connections(vendor)) == LEAST


async def test_a_ready_connection_that_the_service_closed_is_not_used() -> None:
    async with chatting(ark) as (chat, vendor):
        vendor.house.stats.door.hang_up()
        await until(lambda: vendor.house.stats.door.open == 0)

        assert await asked(chat)


async def test_a_service_that_is_down_is_no_error_until_it_is_asked() -> None:
    async with running_emulator() as vendor:
        pass
    chat = ark(vendor)
    await chat.warm()
    await chat.aclose()


async def test_both_minds_have_a_connection_ready() -> None:
    faults = tuple(Fault(service="chat", kind=Kind.REFUSE, status=503, nth=nth) for nth in (1, 2))
    script = SCRIPT.model_copy(update={"faults": faults})
    async with running_emulator(script, may_leave_lines=True) as first, running_emulator(SCRIPT) as second:
        chat = FallbackChat((ark(first), qwen(second)), ("volcengine", "dashscope"), 60.0)
        await chat.warm()
        warmed = time.monotonic_ns()
        assert await asked(chat)
        used = [each for each in connections(second) if each["requests"]]
        await chat.aclose()

    assert [each["ns"] < warmed for each in used] == [True]
