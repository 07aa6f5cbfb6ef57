"""Recognition on its three paths: when it answers, and what."""

import asyncio
import gc
import io
import struct
from contextlib import suppress
from typing import Any

import av
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.protocol.header import Compression
from backend.protocol.speech import SpeechFrame
from emulator.doubao_asr import Recognition
from emulator.link import HungUp
from emulator.script import Limits, Script, Utterance
from tests.emulator.dial import (
    ASR_HEADERS,
    SILENCE_100_MS,
    SPEECH_100_MS,
    Line,
    asr_request,
    audio,
    dialled,
)
from tests.support.emulator import running_emulator

TWO_PARTIALS = Script(hears=(Utterance(text="你好吗？", partials=("你", "你好"), after_ms=300),))


async def _one_after_another(line: Line, packets: int, **request: Any) -> list[SpeechFrame]:
    """Send request, packets of 100 ms and the last one, each after the answer to the one before."""
    answers = []
    frames = [asr_request(**request), *[audio(SILENCE_100_MS)] * packets, audio(b"", last=True)]
    for frame in frames:
        await line.send(frame)
        answers.append(await line.receive())
    return answers


def _texts(answers: list[SpeechFrame]) -> list[str]:
    return [answer.json()["result"]["text"] for answer in answers]


async def test_bigmodel_answers_every_packet_with_the_newest_text() -> None:
    async with running_emulator(TWO_PARTIALS) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = await _one_after_another(line, 4)

    assert _texts(answers) == ["", "你", "你好", "你好吗？", "你好吗？", "你好吗？"]
    assert [answer.sequence for answer in answers] == [1, 2, 3, 4, 5, -6]
    assert [answer.json()["audio_info"]["duration"] for answer in answers] == [0, 100, 200, 300, 400, 400]


async def test_bigmodel_async_answers_only_what_is_new() -> None:
    async with running_emulator(TWO_PARTIALS) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        for _ in range(9):
            await line.send(audio(SILENCE_100_MS))
        await line.send(audio(b"", last=True))
        answers = await line.rest()

    assert _texts(answers) == ["", "你", "你好", "你好吗？", "你好吗？"]
    assert answers[-1].is_last


async def test_bigmodel_nostream_keeps_the_text_until_the_last_packet() -> None:
    async with (
        running_emulator(TWO_PARTIALS) as vendor,
        dialled(vendor.asr_url("bigmodel_nostream"), ASR_HEADERS) as line,
    ):
        answers = await _one_after_another(line, 4)

    assert _texts(answers) == ["", "", "", "", "", "你好吗？"]


async def test_bigmodel_nostream_gives_text_after_15_seconds_of_audio() -> None:
    async with (
        running_emulator(TWO_PARTIALS) as vendor,
        dialled(vendor.asr_url("bigmodel_nostream"), ASR_HEADERS) as line,
    ):
        await line.send(asr_request())
        await line.send(audio(SILENCE_100_MS * 150))
        await line.send(audio(SILENCE_100_MS))
        texts = _texts([await line.receive() for _ in range(3)])

    assert texts == ["", "", "你好吗？"]


async def test_the_connection_is_closed_in_order_after_the_last_answer() -> None:
    async with running_emulator(TWO_PARTIALS) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await _one_after_another(line, 3)

        assert await line.closed() == (1000, "")


async def test_utterances_are_shown_with_times_and_words_to_a_client_that_asks() -> None:
    script = Script(hears=(Utterance(text="你好。", after_ms=200),))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = await _one_after_another(line, 2, show_utterances=True)

    assert answers[1].json()["result"]["utterances"] == []
    assert answers[2].json()["result"]["utterances"] == [
        {
            "additions": {"fixed_prefix_result": ""},
            "definite": True,
            "end_time": 200,
            "start_time": 0,
            "text": "你好。",
            "words": [
                {"blank_duration": 0, "end_time": 100, "start_time": 0, "text": "你"},
                {"blank_duration": 0, "end_time": 200, "start_time": 100, "text": "好"},
            ],
        }
    ]


async def test_utterances_are_not_shown_unless_asked_for() -> None:
    async with running_emulator(TWO_PARTIALS) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = await _one_after_another(line, 3)

    assert all("utterances" not in answer.json()["result"] for answer in answers)


@pytest.mark.parametrize(("result_type", "second"), [("full", "一。二。"), ("single", "二。")])
async def test_result_type_says_whether_earlier_sentences_come_again(result_type: str, second: str) -> None:
    lines = (Utterance(text="一。", after_ms=100), Utterance(text="二。", after_ms=100))
    script = Script(hears=lines, many_per_session=True)
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = await _one_after_another(line, 2, result_type=result_type, show_utterances=True)

    assert _texts(answers)[1:3] == ["一。", second]


async def test_speech_and_then_end_window_size_of_silence_makes_a_sentence_definite() -> None:
    script = Script(hears_always=Utterance(text="喂？", after_ms=None))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(asr_request(end_window_size=300, show_utterances=True))
        texts = []
        for packet in (SILENCE_100_MS, SPEECH_100_MS, SPEECH_100_MS, *[SILENCE_100_MS] * 3):
            await line.receive()
            texts.append(packet)
            await line.send(audio(packet))
        result = (await line.receive()).json()["result"]

    assert [(u["start_time"], u["end_time"], u["definite"]) for u in result["utterances"]] == [(100, 300, True)]


async def test_no_sentence_ends_before_the_audio_that_is_forced_to_be_speech() -> None:
    script = Script(hears_always=Utterance(text="喂？", after_ms=None))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(asr_request(end_window_size=200, force_to_speech_time=1000))
        answers = [await line.receive()]
        for packet in (SPEECH_100_MS, *[SILENCE_100_MS] * 9):
            await line.send(audio(packet))
            answers.append(await line.receive())

    assert _texts(answers) == [*[""] * 10, "喂？"]


async def test_the_answers_are_compressed_as_the_request_was() -> None:
    async with running_emulator(TWO_PARTIALS) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = await _one_after_another(line, 3, compression=Compression.GZIP)

    assert {answer.compression for answer in answers} == {Compression.GZIP}


async def test_explicit_sequences_are_accepted_when_they_are_right() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(asr_request(sequence=1))
        await line.send(audio(SILENCE_100_MS, sequence=2))
        await line.send(audio(SILENCE_100_MS))
        await line.send(audio(b"", last=True, sequence=-4))

        assert [frame.sequence for frame in await line.rest()] == [1, 2, 3, -4]


def _wav(pcm: bytes, *, rate_hz: int = 16000) -> bytes:
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 44 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, rate_hz, 32000, 2, 16)
    note = struct.pack("<4sI3sx", b"LIST", 3, b"abc")
    return head + note + struct.pack("<4sI", b"data", len(pcm)) + pcm


def _encoded(container: str, codec: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container) as sink:
        stream = sink.add_stream(codec, rate=16000)
        stream.layout = "mono"
        tone = (8000 * np.sin(np.arange(16000) / 6)).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 16000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            sink.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(
    ("announced", "data", "least_ms"),
    [
        ({"format": "wav"}, _wav(SPEECH_100_MS * 10), 1000),
        ({"format": "mp3"}, _encoded("mp3", "libmp3lame"), 950),
        ({"format": "ogg", "codec": "opus"}, _encoded("ogg", "libopus"), 950),
        ({"format": "pcm", "channel": 2}, b"\x00\x20\x00\x10" * 16000, 1000),
    ],
    ids=["wav", "mp3", "ogg", "stereo"],
)
async def test_other_formats_than_mono_pcm_are_heard_as_they_stream_in(
    announced: dict[str, Any], data: bytes, least_ms: int
) -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(asr_request(audio=announced))
        for at in range(0, len(data), 999):
            await line.send(audio(data[at : at + 999], last=at + 999 >= len(data)))
        answers = await line.rest()

    assert least_ms <= answers[-1].json()["audio_info"]["duration"] <= 1100
    assert answers[-1].json()["result"]["text"] == "你好，听得到我说话吗？"


@pytest.mark.parametrize(
    ("request_", "packet", "code"),
    [
        (asr_request(model_name=""), None, 45000001),
        (asr_request(end_window_size=100), None, 45000001),
        (asr_request(end_window_size="800"), None, 45000001),
        (asr_request(result_type="half"), None, 45000001),
        (asr_request(audio={"rate": 8000}), None, 45000001),
        (asr_request(audio={"bits": 8}), None, 45000001),
        (asr_request(audio={"channel": 3}), None, 45000001),
        (asr_request(audio={"format": None}), None, 45000001),
        (asr_request(audio={"format": "ogg"}), None, 45000001),
        (asr_request(audio={"format": "flac"}), None, 45000151),
        (SpeechFrame(1, b"[1]", serialization=1), None, 45000001),
        (audio(SILENCE_100_MS), None, 45000000),
        (b"\x11", None, 45000000),
        (asr_request(), asr_request(), 45000001),
        (asr_request(), audio(b"", last=True), 45000002),
        (asr_request(), audio(SILENCE_100_MS, sequence=3), 45000000),
        (asr_request(), audio(SILENCE_100_MS, last=True, sequence=2), 45000000),
        (asr_request(audio={"format": "wav"}), audio(SILENCE_100_MS), 45000151),
        (asr_request(audio={"format": "wav"}), audio(_wav(SILENCE_100_MS, rate_hz=8000)), 45000151),
        (asr_request(audio={"format": "ogg", "codec": "opus"}), audio(SILENCE_100_MS), 45000151),
        (asr_request(audio={"format": "mp3"}), audio(SILENCE_100_MS, last=True), 45000002),
    ],
)
async def test_what_is_wrong_is_told_in_an_error_frame_and_ends_the_connection(
    request_: SpeechFrame | bytes, packet: SpeechFrame | None, code: int
) -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(request_)
        if packet is not None:
            await line.send(packet)
        frame = (await line.rest())[-1]

    assert frame.error_code == code
    assert frame.compression == Compression.NONE
    assert list(frame.json()) == ["error"]


async def test_pings_do_not_keep_a_session_alive() -> None:
    script = Script(limits=Limits(asr_packet_gap_ms=100))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.receive()
        ended = asyncio.ensure_future(line.receive())
        async with asyncio.timeout(10):
            while not ended.done():
                with suppress(ConnectionClosed):
                    await (await line.socket.ping())

    assert (await ended).error_code == 45000081


async def test_a_text_message_is_an_error() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.socket.send("{}")

        assert [frame.error_code for frame in await line.rest()] == [45000000]


async def test_handshake_headers_come_back() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        assert line.headers["X-Api-Connect-Id"] == "connect-1"
        assert len(line.headers["X-Tt-Logid"]) == 34


async def test_the_new_consoles_single_key_is_enough() -> None:
    headers = {"X-Api-Key": "k", "X-Api-Resource-Id": "volc.seedasr.sauc.concurrent"}
    async with running_emulator() as vendor, dialled(vendor.asr_url(), headers) as line:
        await line.send(asr_request())

        assert (await line.receive()).sequence == 1


@pytest.mark.parametrize(
    ("change", "status", "code", "message"),
    [
        ({"X-Api-Access-Key": ""}, 401, 45000010, "load grant: requested grant not found"),
        ({"X-Api-App-Key": ""}, 401, 45000010, "load grant: requested grant not found"),
        ({"X-Api-Access-Key": "stranger"}, 401, 45000010, "load grant: requested grant not found"),
        ({"X-Api-Key": "stranger"}, 401, 45000010, "Invalid X-Api-Key"),
        (
            {"X-Api-Resource-Id": "seed-tts-1.0"},
            403,
            45000030,
            "[resource_id=seed-tts-1.0] requested resource not granted",
        ),
        ({"X-Api-Resource-Id": ""}, 403, 45000030, "[resource_id=] requested resource not granted"),
    ],
)
async def test_a_refused_handshake_is_an_http_error_with_the_gateways_body(
    change: dict[str, str], status: int, code: int, message: str
) -> None:
    async with running_emulator(Script(keys=frozenset({"token"}))) as vendor:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(vendor.asr_url(), additional_headers=ASR_HEADERS | change):
                pass
        stats = vendor.stats()["asr"]

    response = refused.value.response
    assert response.status_code == status
    assert response.headers["X-Api-Status-Code"] == str(code)
    assert response.headers["X-Api-Message"] == message
    assert f'"code":{code},"message":"{message}"'.encode() in (response.body or b"")
    assert (stats["handshakes"], stats["refused"], stats["open"]) == (1, 1, 0)


async def test_stats_tell_what_was_asked_but_no_key() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request(end_window_size=500))
        await line.send(audio(SPEECH_100_MS, last=True))
        await line.rest()
        asked = vendor.stats()["asr"]["requests"][0]

    assert asked["path"] == "/api/v3/sauc/bigmodel_async"
    assert asked["json"]["request"]["end_window_size"] == 500
    assert (asked["audio_ms"], asked["packets"], asked["finished"]) == (100, 1, True)
    assert asked["headers"]["X-Api-App-Key"] == "123"
    assert "token" not in str(asked)


async def test_a_client_that_hangs_up_leaves_nothing_open() -> None:
    async with running_emulator() as vendor:
        async with dialled(vendor.asr_url(), ASR_HEADERS) as line:
            await line.send(asr_request())
            await line.receive()
            assert vendor.stats()["asr"]["open"] == 1
        await vendor.hung_up()


async def test_a_session_whose_client_is_gone_before_it_has_listened_leaves_no_work_behind(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    async def gone(*_: object) -> None:
        raise HungUp

    monkeypatch.setattr(Recognition, "_listen", gone)
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        await line.rest()
    gc.collect()

    assert [str(warning.message) for warning in recwarn if warning.category is RuntimeWarning] == []
