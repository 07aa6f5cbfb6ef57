"""The vendor's golden frames, sent to the emulator and expected of it."""

import pytest

from backend.protocol.speech import SpeechEvent, SpeechFrame, decode, encode
from emulator.script import Limits, Script, Utterance
from tests.emulator.dial import (
    ASR_HEADERS,
    TTS2_HEADERS,
    TTS_HEADERS,
    VOICE,
    VOICE_2,
    Line,
    asr_request,
    audio,
    dialled,
    event,
)
from tests.emulator.golden import golden
from tests.support.emulator import running_emulator

SESSION = "22222222-3333-4444-8555-666666666666"
USAGE = {"X-Control-Require-Usage-Tokens-Return": "*"}

ARKITECT = ("asr.client.full_client_request.arkitect", "asr.client.audio.no_sequence.arkitect")
DOCUMENTED = (
    "asr.client.full_client_request.no_sequence",
    "asr.client.audio.no_sequence.raw",
    "asr.client.audio.last.no_sequence",
)
PLAIN = (
    "asr.client.full_client_request.uncompressed",
    "asr.client.audio.sequence.uncompressed",
    "asr.client.audio.last.negative_sequence.empty",
)
GZIP_WITH_PLAIN_END = (
    "asr.client.full_client_request.uncompressed",
    "asr.client.audio.sequence.gzip",
    "asr.client.audio.last.negative_sequence.empty",
)
SAMPLE = (
    "asr.client.full_client_request.sample_style",
    "asr.client.audio.sequence.sample_style",
    "asr.client.audio.last.negative_sequence.sample_style",
)


@pytest.mark.parametrize("style", [ARKITECT, DOCUMENTED, PLAIN, GZIP_WITH_PLAIN_END, SAMPLE])
async def test_every_known_client_style_of_recognition_is_answered_packet_by_packet(style: tuple[str, ...]) -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        answers = []
        for name in style:
            await line.send(golden(name))
            answers.append(await line.receive())

    last_is_sent = len(style) == 3
    numbers = [1, 2, -3] if last_is_sent else [1, 2]
    assert [answer.sequence for answer in answers] == numbers
    assert [answer.compression for answer in answers] == [decode(golden(style[0])).compression] * len(style)


async def test_the_first_answer_has_the_shape_of_the_live_capture() -> None:
    live = golden("asr.server.first_response.live_capture")
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        answer = await line.receive()

    log_id = answer.json()["result"]["additions"]["log_id"]
    assert log_id == line.headers["X-Tt-Logid"]
    assert encode(answer).replace(log_id.encode(), b"2" * 34) == live.replace(
        b"20260409175957B079592BDCD6D1DEF28C", b"2" * 34
    )


async def test_a_wrong_sequence_ends_the_session_as_the_live_service_does() -> None:
    async with running_emulator() as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request(sequence=0))

        assert [encode(frame) for frame in await line.rest()] == [
            golden("asr.server.error.45000000.sequence_mismatch.live_capture")
        ]


async def test_a_client_that_pauses_too_long_is_told_so_and_cut_off() -> None:
    script = Script(limits=Limits(asr_packet_gap_ms=80))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url(), ASR_HEADERS) as line:
        await line.send(asr_request())
        frames = await line.rest()

    assert len(frames) == 2
    assert encode(frames[1]).replace(b"0.080000", b"8.000000") == golden("asr.server.error.45000081.emulated")


async def _talk(line: Line, session: str, *texts: str, speaker: str) -> list[SpeechFrame]:
    await line.start_connection()
    await line.start_session(session, speaker=speaker)
    await line.say(session, *texts)
    await line.send(event(SpeechEvent.FINISH_SESSION, session))
    return await line.until(SpeechEvent.SESSION_FINISHED)


async def test_arkitects_synthesis_frames_are_answered_with_the_golden_events() -> None:
    wanted = [
        golden(f"tts.server.{name}")
        for name in ("session_started", "sentence_start.tts1", "sentence_end", "session_finished")
    ]
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        for name in ("start_connection", "start_session.arkitect", "task_request.arkitect", "finish_session.arkitect"):
            await line.send(golden(f"tts.client.{name}"))
        frames = (await line.until(SpeechEvent.SESSION_FINISHED))[1:]

    assert [encode(frame) for frame in frames if frame.event != SpeechEvent.AUDIO] == wanted
    sound = next(frame for frame in frames if frame.event == SpeechEvent.AUDIO)
    audio_header_to_id = 4 + 4 + 4 + len(SESSION)
    assert encode(sound)[:audio_header_to_id] == golden("tts.server.response.audio_mp3")[:audio_header_to_id]


async def test_voices_of_the_second_generation_have_one_pair_with_its_text_at_the_end() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS2_HEADERS) as line:
        frames = await _talk(line, SESSION, "你", "好", speaker=VOICE_2)

    assert encode(frames[0]) == golden("tts.server.sentence_start.tts2_empty_text")
    assert encode(frames[-2]) == golden("tts.server.sentence_end")


async def test_usage_is_told_to_a_client_that_asked_for_it() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS | USAGE) as line:
        frames = await _talk(line, SESSION, "你好世界", speaker=VOICE)

    assert encode(frames[-1]) == golden("tts.server.session_finished.usage")


async def test_a_cancelled_session_answers_with_the_golden_event() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session(SESSION)
        await line.send(event(SpeechEvent.CANCEL_SESSION, SESSION))

        assert encode(await line.receive()) == golden("tts.server.session_canceled")


async def test_a_voice_that_does_not_exist_fails_the_session_with_the_golden_event() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()

        assert encode(await line.start_session(SESSION, speaker="nobody")) == golden("tts.server.session_failed")
        assert await line.closed() == (1000, "")


async def test_a_voice_that_the_resource_does_not_pay_for_is_the_golden_error() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()

        assert encode(await line.start_session(SESSION, speaker=VOICE_2)) == golden("tts.server.error.55000000")


async def test_a_connection_begins_and_ends_with_events_that_carry_its_own_id() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        started = await line.start_connection()
        await line.send(golden("tts.client.finish_connection"))
        finished = await line.receive()

    assert started.ident == finished.ident
    for frame, name in ((started, "started"), (finished, "finished")):
        renamed = decode(golden(f"tts.server.connection_{name}"))
        assert (frame.event, frame.json()) == (renamed.event, renamed.json())
    assert len(started.ident or "") == 36


async def test_hearing_a_golden_packet_counts_its_audio() -> None:
    script = Script(hears=(Utterance(text="好", after_ms=200),))
    async with running_emulator(script) as vendor, dialled(vendor.asr_url("bigmodel"), ASR_HEADERS) as line:
        await line.send(golden("asr.client.full_client_request.sample_style"))
        await line.receive()
        await line.send(golden("asr.client.audio.sequence.sample_style"))
        answer = (await line.receive()).json()

        assert answer["audio_info"] == {"duration": 200}
        assert answer["result"]["utterances"][0]["definite"] is True
        await line.send(audio(b"", last=True, sequence=-3))
        assert (await line.receive()).is_last
