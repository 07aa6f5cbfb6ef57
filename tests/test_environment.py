"""What an operator sets, from the environment to what the vendors are asked for and what the server does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from backend import handler
from backend.protocol.frames import EventFrame
from backend.settings import load
from backend.token import sign
from emulator.script import Script
from tests.support.caller import PATIENCE_S, SILENCE_100_MS, Caller, audio_up, dialled, dialling
from tests.support.emulator import EmulatorHandle, running_emulator
from tests.test_handler import free_port

SECRET = "a-secret-that-nobody-guesses-at-all-0123"
PLAIN = "你好，我叫小明，住在杭州。"
BASE = {"DASHSCOPE_API_KEY": "sk", "PERSONA": "qiao_qingqing", "VAD": "off", "DATABASE_URL": "memory:"}


@asynccontextmanager
async def serving(values: dict[str, str], **lines: Any) -> AsyncIterator[tuple[str, EmulatorHandle]]:
    """The whole server with these settings, whose vendor is DashScope as the emulator has it; its address, and that."""
    script = Script.model_validate({"hears_always": "你好", "replies_always": "好。", **lines})
    async with running_emulator(script, may_leave_lines=True) as vendor:
        urls = {"DASHSCOPE_WS_URL": vendor.dashscope_ws_url, "DASHSCOPE_BASE_URL": vendor.qwen_url}
        urls |= {"DASHSCOPE_API_URL": f"{vendor.http_url}/api/v1"}
        ports = {name: str(free_port()) for name in ("CALL_PORT", "WEB_PORT")}
        async with handler.server(load({**BASE, **urls, **ports, **values})):
            yield f"ws://127.0.0.1:{ports['CALL_PORT']}/", vendor


async def typed(caller: Caller, text: str) -> None:
    await caller.send("UserText", {"text": text})
    await caller.until("TTSDone")


def asked(vendor: EmulatorHandle, service: str) -> dict[str, Any]:
    """The newest request."""
    request: dict[str, Any] = vendor.stats()[service]["requests"][-1]["json"]
    return request


async def test_what_is_set_of_dashscope_reaches_the_service() -> None:
    values = {
        "DASHSCOPE_ASR_SEMANTIC": "true",
        "DASHSCOPE_ASR_LANGUAGES": "ja, ko",
        "DASHSCOPE_TTS_PITCH": "1.3",
        "DASHSCOPE_TTS_INSTRUCTION": "你说话的情感是sad。",
        "VOICE_CALL_TTS_MODEL": "cosyvoice-v3-flash",
        "VOICE_CALL_TTS_VOICE": "longanhuan",
    }
    async with serving(values) as (url, vendor), dialled(url) as caller:
        await caller.turn()
        heard = asked(vendor, "asr")["parameters"]
        spoken = asked(vendor, "tts")["parameters"]

    assert (heard["semantic_punctuation_enabled"], heard["language_hints"]) == (True, ["ja", "ko"])
    assert "max_sentence_silence" not in heard, "silence ends no sentence that is cut by its meaning"
    assert (spoken["pitch"], spoken["instruction"]) == (1.3, "你说话的情感是sad。")


@pytest.mark.parametrize(("tokens", "knows"), [("2000", True), ("40", False)])
async def test_the_model_sees_as_much_of_the_conversation_as_is_set(tokens: str, knows: bool) -> None:
    values = {"VOICE_CALL_MAX_HISTORY_TOKENS": tokens, "VOICE_CALL_SUMMARY_TOKENS": "0"}
    async with serving(values) as (url, vendor), dialled(url) as caller:
        for text in (PLAIN, "今天天气怎么样呀？", "我们说点别的吧。", "你记得我住在哪儿吗？"):
            await typed(caller, text)
        messages = [message["content"] for message in asked(vendor, "chat")["messages"]]

    assert (PLAIN in messages, "我们说点别的吧。" in messages) == (knows, True)


@pytest.mark.parametrize(("most_s", "opens"), [("600", True), ("60", False)])
async def test_a_token_that_is_good_for_longer_than_is_set_opens_nothing(most_s: str, opens: bool) -> None:
    values = {"TOKEN_SECRET": SECRET, "TOKEN_MAX_SECONDS": most_s}
    greeting = {"Authorization": f"Bearer {sign(SECRET, seconds=300)}"}
    async with serving(values) as (url, _):
        if opens:
            async with dialled(url, headers=greeting) as caller:
                assert caller.sid
        else:
            with pytest.raises(InvalidStatus, match="401"):
                async with dialled(url, headers=greeting):
                    pass


async def test_so_many_handshakes_wait_as_are_set_and_the_oldest_gives_way() -> None:
    async with serving({"MAX_WAITING_HANDSHAKES": "8"}) as (url, _):
        silent = [await asyncio.open_connection("127.0.0.1", urlsplit(url).port) for _ in range(9)]
        async with asyncio.timeout(PATIENCE_S):
            assert await silent[0][0].read() == b""
        assert not any(reader.at_eof() for reader, _ in silent[1:])
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize(("ahead_s", "reply"), [("1", ["BotError"]), ("10", [])])
async def test_sound_may_be_as_far_ahead_as_is_set(ahead_s: str, reply: list[str]) -> None:
    async with serving({"MAX_AUDIO_AHEAD_S": ahead_s}) as (url, _), dialled(url) as caller:
        await caller.socket.send(audio_up(SILENCE_100_MS * 20))
        await caller.send("Nonsense")
        told = [await caller.event() for _ in (*reply, "nonsense")]

    first = told[0].payload["error"]["message"]
    assert ("1000 ms ahead" in first) == bool(reply)


@pytest.mark.parametrize(("kept_bytes", "goes_on"), [("65536", False), ("1048576", True)])
async def test_a_cut_call_goes_on_as_far_back_as_the_set_buffer_holds(kept_bytes: str, goes_on: bool) -> None:
    values = {"RESUME_BUFFER_BYTES": kept_bytes}
    lines = {"replies_always": "我今天去看展了，特别好看！你要不要一起去呀？下周还有呢。", "tone": {"ms_per_char": 120}}
    async with serving(values, **lines) as (url, _):
        async with dialling(url, resume="true", sid="sid-1", turn_ids="true", audio_format="pcm") as caller:
            call = (await caller.event()).payload["resume"]["call"]
            await typed(caller, "讲讲")
            caller.socket.transport.abort()
        async with dialling(url, resume=f"1:1:{call}", sid="sid-1", turn_ids="true") as again:
            ready = await again.event()

    assert isinstance(ready, EventFrame)
    assert ("refused" not in ready.payload["resume"]) == goes_on
