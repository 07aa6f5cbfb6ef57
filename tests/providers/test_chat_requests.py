"""What a chat request is, and what putting one together costs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from backend.ports import Message
from backend.providers.chat_stream import StreamedChat
from tests.providers.odd_chat import END, Stream, odd_chat, text
from tests.providers.test_chat import KEY, Make, both, chatting, openai

FINE = Stream([text("好"), *END])


class Calls:
    """How many functions of Python were called."""

    count = 0


@contextmanager
def counted() -> Iterator[Calls]:
    calls = Calls()

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        calls.count += event == "call"

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def asked(chat: StreamedChat, messages: int) -> None:
    said = [Message("assistant" if number % 2 else "user", f"第{number}句") for number in range(messages)]
    async for _ in chat.reply(said):
        pass


@both
async def test_what_was_said_before_is_not_looked_through_message_by_message(make: Make) -> None:
    async with odd_chat(*[FINE] * 3) as service, chatting(make, service.url) as chat:
        await asked(chat, 2)
        with counted() as few:
            await asked(chat, 2)
        with counted() as many:
            await asked(chat, 202)

    assert [len(each["messages"]) for each in service.asked] == [2, 2, 202]
    assert many.count - few.count < 5 * 200


@both
async def test_a_request_says_that_it_is_json_and_is_signed_with_the_key_of_the_settings(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "ARK_API_KEY"):
        monkeypatch.setenv(name, "sk-somebody-elses")
    async with odd_chat(FINE) as service, chatting(make, service.url) as chat:
        await asked(chat, 1)

    headers = service.headers[0]
    assert (headers["Content-Type"], headers["Authorization"]) == ("application/json", f"Bearer {KEY}")
    assert service.asked[0]["messages"] == [{"role": "user", "content": "第0句"}]


async def test_a_name_of_openais_own_in_the_settings_wins_over_what_is_asked_for_by_itself() -> None:
    more = {"extra_body": {"stream_options": {"include_usage": False}, "temperature": 0.1}}
    async with odd_chat(FINE) as service, chatting(openai, service.url, **more) as chat:
        await asked(chat, 1)

    assert {name: service.asked[0][name] for name in more["extra_body"]} == more["extra_body"]
