"""An engine that breaks is told to the client as the vendor would, without a trace of our own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from backend.errors import ProviderUnavailable
from backend.protocol.speech import SpeechEvent
from emulator.engines.base import ChatRequest, HearOptions, Pcm, SpeakOptions
from emulator.script import Script
from tests.emulator.dial import (
    ASR_HEADERS,
    SILENCE_100_MS,
    TTS_HEADERS,
    asr_request,
    audio,
    dialled,
    start_session,
    task_request,
)
from tests.support.emulator import EmulatorHandle, running_emulator

OVERLOADED = ProviderUnavailable("asr", "the recognition engine is overloaded")
BUG = ValueError("secret detail")


class Broken:
    """All three engines, each failing with the same error."""

    label = "broken"

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.recognition = self.synthesis = self.chat = self

    @asynccontextmanager
    async def open(self, options: HearOptions) -> AsyncIterator["Broken"]:
        yield self

    async def feed(self, pcm: bytes) -> None:
        raise self._error

    async def finish(self) -> None:
        raise self._error

    async def __aiter__(self) -> AsyncIterator[Any]:
        raise self._error
        yield

    async def speak(self, sentence: str, options: SpeakOptions) -> AsyncIterator[Pcm]:
        yield Pcm(bytes(9600), 24000)
        raise self._error

    async def reply(self, request: ChatRequest) -> AsyncIterator[str]:
        yield "好"
        raise self._error

    async def aclose(self) -> None:
        """Nothing to end."""


@asynccontextmanager
async def broken(error: Exception) -> AsyncIterator[EmulatorHandle]:
    async with running_emulator(Script()) as vendor:
        vendor.house.engines = Broken(error)  # type: ignore[assignment]
        yield vendor


@pytest.mark.parametrize(
    ("error", "told"), [(OVERLOADED, "the recognition engine is overloaded"), (BUG, "internal error")]
)
async def test_recognition_answers_with_an_error_frame(error: Exception, told: str) -> None:
    async with broken(error) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.send(audio(SILENCE_100_MS))
        frame = (await line.rest())[-1]

        assert vendor.stats()["asr"]["errors"] == [55000000]

    assert (frame.error_code, frame.json()) == (55000000, {"error": told})


@pytest.mark.parametrize(
    ("error", "told"), [(OVERLOADED, "the recognition engine is overloaded"), (BUG, "internal error")]
)
async def test_synthesis_answers_with_an_error_frame(error: Exception, told: str) -> None:
    async with broken(error) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(start_session("s"))
        await line.send(task_request("s", "你好。"))
        frames = await line.rest()

    assert [frame.event for frame in frames[:3]] == [150, SpeechEvent.SENTENCE_START, SpeechEvent.AUDIO]
    assert (frames[-1].error_code, frames[-1].json()) == (55000000, {"error": told})


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "told"), [(OVERLOADED, "the recognition engine is overloaded"), (BUG, "internal error")]
)
async def test_chat_answers_with_the_vendors_error(error: Exception, told: str, stream: bool) -> None:
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    async with (
        broken(error) as vendor,
        aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as http,
        http.post(f"{vendor.ark_url}/chat/completions", json=body) as answer,
    ):
        text = await answer.text()

    assert answer.status == (200 if stream else 500)
    failure = json.loads(text.strip().split("\n\n")[-1].removeprefix("data: "))["error"]
    assert failure["code"] == "InternalServiceError"
    assert failure["message"].startswith(f"{told} Request id: ")
