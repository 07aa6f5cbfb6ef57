"""Everything that the script can make go wrong, seen from a raw client; the use after it works again."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.errors import ProtocolError
from backend.protocol.speech import SpeechEvent, SpeechFrame
from emulator.script import Fault, Reply, Script, Timing, Utterance
from tests.emulator.dial import (
    ASR_HEADERS,
    SILENCE_100_MS,
    TTS_HEADERS,
    Line,
    asr_request,
    audio,
    dialled,
    event,
    task_request,
)
from tests.support.emulator import EmulatorHandle, running_emulator

HEARS = (Utterance(text="好", after_ms=100),)


def _script(**fault: Any) -> Script:
    return Script(faults=(Fault(**fault),), hears_always=HEARS[0])


async def _recognise(vendor: EmulatorHandle) -> list[SpeechFrame]:
    async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.send(audio(SILENCE_100_MS))
        await line.send(audio(b"", last=True))
        return await line.rest()


async def _works(vendor: EmulatorHandle) -> None:
    assert [frame.json()["result"]["text"] for frame in await _recognise(vendor)] == ["", "好", "好"]


async def _synthesise(line: Line, session: str = "s") -> list[SpeechFrame]:
    """A whole session on a new connection, as far as it gets."""
    await line.start_connection()
    for frame in (
        event(SpeechEvent.START_SESSION, session, {"req_params": {"speaker": "zh_female_x_moon_bigtts"}}),
        task_request(session, "你好。"),
        event(SpeechEvent.FINISH_SESSION, session),
    ):
        await line.send(frame)
    return await line.rest(or_until=SpeechEvent.SESSION_FINISHED)


@pytest.mark.parametrize(("service", "headers"), [("asr", ASR_HEADERS), ("tts", TTS_HEADERS)])
async def test_a_refused_handshake_has_the_scripts_status_and_code(service: str, headers: dict[str, str]) -> None:
    script = _script(service=service, kind="refuse", status=403, code=45000292, message="quota exceeded")
    async with running_emulator(script) as vendor:
        url = vendor.asr_url() if service == "asr" else vendor.tts_url()
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, additional_headers=headers):
                pass
        async with dialled(url, headers):
            pass

    response = refused.value.response
    assert response.status_code == 403
    assert json.loads(response.body or b"")["header"]["code"] == 45000292
    assert response.headers["X-Api-Message"] == "quota exceeded"


async def test_a_stalled_handshake_is_never_answered() -> None:
    async with running_emulator(_script(service="asr", kind="connect_stall")) as vendor:
        with pytest.raises(TimeoutError):
            async with connect(vendor.asr_url(), additional_headers=ASR_HEADERS, open_timeout=0.1):
                pass
        await _works(vendor)


@pytest.mark.parametrize(("at", "answers"), [("start", 0), ("mid", 1)])
async def test_a_recognition_error_comes_in_place_of_an_answer(at: str, answers: int) -> None:
    script = _script(service="asr", kind="error", at=at, code=55000031, message="server busy")
    async with running_emulator(script) as vendor:
        frames = await _recognise(vendor)
        await _works(vendor)

    assert len(frames) == answers + 1
    assert (frames[-1].error_code, frames[-1].json()) == (55000031, {"error": "server busy"})


@pytest.mark.parametrize(("at", "answers"), [("start", 0), ("mid", 1)])
async def test_a_stalled_recognition_takes_audio_and_says_nothing_more(at: str, answers: int) -> None:
    async with running_emulator(_script(service="asr", kind="stall", at=at)) as vendor:
        async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
            await line.send(asr_request())
            for _ in range(answers):
                await line.receive()
            for _ in range(50):
                await line.send(audio(SILENCE_100_MS))
            pong = await line.socket.ping()
            await pong
            with pytest.raises(TimeoutError):
                async with _soon():
                    await line.receive()
        await vendor.hung_up()
        await _works(vendor)


async def test_a_stalled_recognition_does_not_even_hang_up_after_the_last_packet() -> None:
    async with running_emulator(_script(service="asr", kind="stall", at="start")) as vendor:
        async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
            await line.send(asr_request())
            await line.send(audio(SILENCE_100_MS))
            await line.send(audio(b"", last=True))
            with pytest.raises(TimeoutError):
                async with _soon():
                    await line.receive()
        await vendor.hung_up()


@pytest.mark.parametrize(("at", "answers"), [("start", 0), ("mid", 1)])
async def test_a_cut_recognition_ends_without_a_close_frame(at: str, answers: int) -> None:
    async with running_emulator(_script(service="asr", kind="cut", at=at)) as vendor:
        async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
            await line.send(asr_request())
            for _ in range(answers):
                await line.receive()
            with suppress(ConnectionClosed):
                await line.send(audio(SILENCE_100_MS))
            assert (await line.closed())[0] == 1006
        await _works(vendor)


async def test_garbage_is_no_frame_and_comes_once() -> None:
    script = _script(service="asr", kind="garbage", at="mid")
    async with running_emulator(script) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.receive()
        await line.send(audio(SILENCE_100_MS))
        with pytest.raises(ProtocolError):
            await line.receive()
        assert (await line.receive()).json()["result"]["text"] == "好"


async def test_a_fault_strikes_the_nth_use_only() -> None:
    async with running_emulator(_script(service="asr", kind="error", nth=2)) as vendor:
        await _works(vendor)
        assert (await _recognise(vendor))[-1].error_code == 55000000
        await _works(vendor)


async def test_a_fault_without_a_number_strikes_every_use() -> None:
    async with running_emulator(_script(service="asr", kind="error", nth=None)) as vendor:
        for _ in range(3):
            assert (await _recognise(vendor))[-1].error_code == 55000000


async def test_a_connection_that_fails_to_start_is_told_so_and_closed() -> None:
    script = _script(service="tts", kind="connect_fail", code=45000000, message="unauthorized")
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        frame = await line.start_connection()

        assert (frame.event, frame.json()) == (51, {"status_code": 45000000, "message": "unauthorized"})
        assert await line.closed() == (1000, "")


@pytest.mark.parametrize(("at", "before"), [("start", []), ("mid", [150, 350, 352])])
async def test_a_failed_synthesis_session_says_so_and_closes(at: str, before: list[int]) -> None:
    script = _script(service="tts", kind="fail", at=at, code=55000001, message="session error")
    async with running_emulator(script) as vendor:
        async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
            frames = await _synthesise(line)
        async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
            assert SpeechEvent.SESSION_STARTED in [frame.event for frame in await _synthesise(line)]

    assert [frame.event for frame in frames] == [*before, 153]
    assert frames[-1].json() == {"status_code": 55000001, "message": "session error"}


@pytest.mark.parametrize(("at", "before"), [("start", []), ("mid", [150, 350, 352])])
async def test_a_synthesis_error_frame_ends_the_connection(at: str, before: list[int]) -> None:
    script = _script(service="tts", kind="error", at=at, code=45000292)
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        frames = await _synthesise(line)

    assert [frame.event for frame in frames] == [*before, None]
    assert frames[-1].error_code == 45000292


@pytest.mark.parametrize("kind", ["cut", "stall"])
async def test_a_synthesis_that_breaks_off_in_the_middle_of_its_sound(kind: str) -> None:
    async with running_emulator(_script(service="tts", kind=kind, at="mid")) as vendor:
        async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
            await line.start_connection()
            await line.start_session("s")
            await line.say("s", "你好。")
            frames = [await line.receive() for _ in range(2)]
            with pytest.raises(TimeoutError if kind == "stall" else ConnectionClosed):
                async with _soon():
                    await line.receive()
        await vendor.hung_up()

    assert [frame.event for frame in frames] == [350, 352]


@pytest.mark.parametrize(("at", "right"), [("start", []), ("mid", [150, 350, 352])])
async def test_a_synthesis_answers_under_another_sessions_name(at: str, right: list[int]) -> None:
    script = _script(service="tts", kind="wrong_session", at=at)
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(event(SpeechEvent.START_SESSION, "s", {"req_params": {"speaker": "zh_female_x_moon_bigtts"}}))
        await line.say("s", "你好。")
        await line.send(event(SpeechEvent.FINISH_SESSION, "s"))
        frames = await line.until(SpeechEvent.SESSION_FINISHED)

    assert [frame.event for frame in frames if frame.ident == "s"] == right
    assert {frame.ident for frame in frames[len(right) :]} == {"not-s"}


async def test_garbage_in_a_synthesis_comes_once() -> None:
    script = _script(service="tts", kind="garbage")
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        with pytest.raises(ProtocolError):
            await line.start_session("s")
        assert (await line.receive()).event == SpeechEvent.SESSION_STARTED


async def _chat(vendor: EmulatorHandle, http: aiohttp.ClientSession, *, stream: bool = True) -> str:
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "一二三四"}]}
    url, key = f"{vendor.ark_url}/chat/completions", {"Authorization": "Bearer k"}
    async with http.post(url, json=body, headers=key) as answer:
        return await answer.text()


@pytest.mark.parametrize(("at", "tokens"), [("start", 0), ("mid", 1)])
async def test_a_chat_stream_breaks_with_an_error_event(at: str, tokens: int) -> None:
    script = _script(service="chat", kind="error", at=at, code="SensitiveContentDetected", message="no")
    async with running_emulator(script) as vendor, aiohttp.ClientSession() as http:
        events = (await _chat(vendor, http)).strip().split("\n\n")
        assert (await _chat(vendor, http)).endswith("[DONE]\n\n")

    assert len(events) == tokens + 1
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "SensitiveContentDetected"


@pytest.mark.parametrize("at", ["start", "mid"])
async def test_a_chat_stream_is_cut(at: str) -> None:
    async with running_emulator(_script(service="chat", kind="cut", at=at)) as vendor, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await _chat(vendor, http)
        assert (await _chat(vendor, http)).endswith("[DONE]\n\n")


@pytest.mark.parametrize("at", ["start", "mid"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_chat_answer_stalls(at: str, stream: bool) -> None:
    async with (
        running_emulator(_script(service="chat", kind="stall", at=at)) as vendor,
        aiohttp.ClientSession() as http,
    ):
        with pytest.raises(TimeoutError):
            async with _soon():
                await _chat(vendor, http, stream=stream)
        await vendor.hung_up()
        assert (await _chat(vendor, http)).endswith("[DONE]\n\n")


async def test_a_chat_stream_holds_garbage() -> None:
    async with running_emulator(_script(service="chat", kind="garbage")) as vendor, aiohttp.ClientSession() as http:
        first = (await _chat(vendor, http)).split("\n\n")[0]

    with pytest.raises(ValueError, match="Expecting property name"):
        json.loads(first.removeprefix("data: "))


async def test_a_whole_chat_answer_fails_as_an_http_error() -> None:
    script = _script(service="chat", kind="error", code="InternalServiceError")
    async with running_emulator(script) as vendor, aiohttp.ClientSession() as http:
        assert json.loads(await _chat(vendor, http, stream=False))["error"]["code"] == "InternalServiceError"


async def test_stages_take_as_long_as_the_script_says() -> None:
    timing = Timing(asr_ms=60, tts_first_byte_ms=70, first_token_ms=80, token_ms=10, seed=1)
    script = Script(timing=timing, hears_always=HEARS[0])
    async with running_emulator(script) as vendor, aiohttp.ClientSession() as http:
        began = time.monotonic_ns()
        await _recognise(vendor)
        await _chat(vendor, http)
        async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
            await line.start_connection()
            await line.start_session("s")
            await line.say("s", "你好。")
            await line.until(SpeechEvent.SENTENCE_END)
        stamps = {stamp["what"]: (stamp["ns"] - began) / 1e6 for stamp in vendor.stats()["stamps"]}

    assert stamps["definite"] >= 60
    assert stamps["first_token"] >= stamps["definite"] + 80
    assert stamps["first_audio"] >= stamps["first_token"] + 10 + 70


async def test_a_line_that_was_never_used_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"never used: \{'replies'"):
        async with running_emulator(Script(replies=("好",))):
            pass


async def test_a_test_may_leave_lines_when_it_says_so() -> None:
    async with running_emulator(Script(replies=("好",)), may_leave_lines=True):
        pass


def _soon() -> Any:
    """Long enough for anything that comes to have come."""
    return asyncio.timeout(0.15)


@pytest.mark.parametrize("kind", ["reset", "half_close"])
async def test_a_recognition_that_breaks_below_the_protocol(kind: str) -> None:
    async with running_emulator(_script(service="asr", kind=kind, at="mid")) as vendor:
        async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
            await line.send(asr_request())
            await line.receive()
            with suppress(ConnectionClosed):
                await line.send(audio(SILENCE_100_MS))
            assert (await line.closed())[0] == 1006
        await vendor.hung_up()
        await _works(vendor)


async def test_a_slow_recognition_goes_on_after_its_time() -> None:
    async with running_emulator(_script(service="asr", kind="slow", ms=60)) as vendor:
        began = time.monotonic()
        await _works(vendor)

    assert time.monotonic() - began >= 0.06


@pytest.mark.parametrize(("service", "headers"), [("asr", ASR_HEADERS), ("tts", TTS_HEADERS)])
async def test_a_connection_that_lies_idle_is_closed_in_order(service: str, headers: dict[str, str]) -> None:
    async with running_emulator(_script(service=service, kind="idle_close", ms=30)) as vendor:
        url = vendor.asr_url() if service == "asr" else vendor.tts_url()
        async with dialled(url, headers) as line:
            assert await line.closed() == (1000, "")


async def test_an_idle_chat_connection_is_closed_after_its_answer() -> None:
    script = _script(service="chat", kind="idle_close", ms=1)
    async with running_emulator(script) as vendor, aiohttp.ClientSession() as http:
        assert (await _chat(vendor, http)).endswith("[DONE]\n\n")
        await asyncio.sleep(0.05)
        assert (await _chat(vendor, http)).endswith("[DONE]\n\n")


async def test_a_synthesis_says_first_what_should_come_last() -> None:
    script = _script(service="tts", kind="wrong_order")
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        assert (await line.start_session("s")).event == SpeechEvent.SESSION_FINISHED
        assert (await line.receive()).event == SpeechEvent.SESSION_STARTED


async def test_a_chat_answer_ends_before_its_words_and_goes_by_another_name() -> None:
    faults = (Fault(service="chat", kind="wrong_order"), Fault(service="chat", kind="wrong_session", nth=2))
    async with running_emulator(Script(faults=faults)) as vendor, aiohttp.ClientSession() as http:
        first, second = [(await _chat(vendor, http)).split("\n\n")[:-2] for _ in range(2)]

    assert json.loads(first[0].removeprefix("data: "))["choices"][0]["finish_reason"] == "stop"
    assert {json.loads(event.removeprefix("data: "))["id"][:4] for event in second} == {"not-"}


async def test_nothing_is_logged_when_clients_leave_in_mid_write(caplog: pytest.LogCaptureFixture) -> None:
    script = Script(replies_always=Reply(text="好" * 200), timing=Timing(token_ms=1, tts_piece_ms=1))
    async with running_emulator(script) as vendor, aiohttp.ClientSession() as http:
        for delay_s in (0, 0.002, 0.01):
            await _leave_a_handshake(vendor, delay_s)
            url, key = f"{vendor.ark_url}/chat/completions", {"Authorization": "Bearer k"}
            body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "一"}]}
            answer = await http.post(url, json=body, headers=key)
            await asyncio.sleep(delay_s)
            answer.close()
            async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
                await line.start_connection()
                await line.start_session("s")
                await line.say("s", "你好，" * 9 + "。")
                await asyncio.sleep(delay_s)
                line.socket.transport.abort()
        await vendor.hung_up()

    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


async def _leave_a_handshake(vendor: EmulatorHandle, delay_s: float) -> None:
    for path in ("/api/v3/sauc/bigmodel", "/api/v3/tts/bidirection", "/api-ws/v1/inference"):
        _, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
        resource = "seed-tts-1.0" if "tts" in path else "volc.bigasr.sauc.duration"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer k\r\n"
            f"X-Api-Key: k\r\nX-Api-Resource-Id: {resource}\r\n\r\n".encode()
        )
        await asyncio.sleep(delay_s)
        writer.transport.abort()
