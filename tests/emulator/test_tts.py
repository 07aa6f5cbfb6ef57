"""Synthesis: sessions, sentences, sound in the asked format, and what is refused."""

import asyncio
import io
import json
import wave
from dataclasses import replace
from typing import Any

import av
import pytest

from backend.protocol.header import MessageType, Serialization
from backend.protocol.json_text import json_bytes
from backend.protocol.speech import SpeechEvent, SpeechFrame
from emulator import tts_request
from emulator.script import Limits, Script, Timing, Tone
from tests.emulator.dial import (
    TTS2_HEADERS,
    TTS_HEADERS,
    VOICE,
    VOICE_2,
    Line,
    dialled,
    event,
    start_session,
    task_request,
)
from tests.support.emulator import running_emulator

CANCEL, FINISH = SpeechEvent.CANCEL_SESSION, SpeechEvent.FINISH_SESSION
START, END, SOUND = SpeechEvent.SENTENCE_START, SpeechEvent.SENTENCE_END, SpeechEvent.AUDIO


async def _talk(line: Line, session: str, *texts: str, **params: Any) -> list[SpeechFrame]:
    """One whole session; what comes after SessionStarted."""
    await line.start_session(session, **params)
    await line.say(session, *texts)
    await line.send(event(FINISH, session))
    return await line.until(SpeechEvent.SESSION_FINISHED)


def _sound(frames: list[SpeechFrame]) -> bytes:
    return b"".join(frame.payload for frame in frames if frame.event == SOUND)


def _decoded(data: bytes, container: str) -> tuple[float, int, int]:
    """Seconds, sample rate and loudest sample."""
    with av.open(io.BytesIO(data), format=container) as source:
        frames = list(source.decode(audio=0))
    rate_hz = frames[0].sample_rate
    peak = max(abs(frame.to_ndarray()).max() * (1 if "s16" in frame.format.name else 32768) for frame in frames)
    return sum(frame.samples for frame in frames) / rate_hz, rate_hz, int(peak)


def _order(frames: list[SpeechFrame]) -> list[int | None]:
    """Events, with neighbours that are alike written once."""
    events = [frame.event for frame in frames]
    return [number for at, number in enumerate(events) if not at or events[at - 1] != number]


async def test_text_in_pieces_is_spoken_sentence_by_sentence() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你", "好呀！今天", "天气真好", "。")

    assert _order(frames) == [START, SOUND, END, START, SOUND, END, SpeechEvent.SESSION_FINISHED]
    texts = [frame.json()["text"] for frame in frames if frame.event in (START, END)]
    assert texts == ["你好呀！", "你好呀！", "今天天气真好。", "今天天气真好。"]


async def test_each_sentences_mp3_decodes_on_its_own() -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好呀！", "再见。")

    border = next(at for at, frame in enumerate(frames) if frame.event == END)
    for sentence, seconds in ((frames[:border], 1.0), (frames[border:], 0.75)):
        length_s, rate_hz, peak = _decoded(_sound(sentence), "mp3")
        assert seconds <= length_s < seconds + 0.15
        assert rate_hz == 24000
        assert peak > 6000


async def test_audio_frames_are_raw_and_uncompressed() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好呀！")

    sounds = [frame for frame in frames if frame.event == SOUND]
    assert {(f.message_type, f.flags, f.serialization, f.compression) for f in sounds} == {
        (MessageType.SERVER_AUDIO, 4, Serialization.NONE, 0)
    }


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 32000, 44100, 48000])
async def test_pcm_comes_at_every_rate_that_the_vendor_has(rate_hz: int) -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        sound = _sound(await _talk(line, "s", "你好呀！", format="pcm", sample_rate=rate_hz))

    assert len(sound) == pytest.approx(2 * rate_hz, rel=0.01)


@pytest.mark.parametrize("rate_hz", [8000, 24000, 44100])
async def test_ogg_opus_decodes(rate_hz: int) -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        sound = _sound(await _talk(line, "s", "你好呀！", format="ogg_opus", sample_rate=rate_hz))

    length_s, _, peak = _decoded(sound, "ogg")
    assert length_s == pytest.approx(1.0, abs=0.1)
    assert peak > 6000


async def test_wav_repeats_its_header_in_every_piece() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好呀！", format="wav", sample_rate=16000)

    for piece in (frame.payload for frame in frames if frame.event == SOUND):
        with wave.open(io.BytesIO(piece)) as reader:
            assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (16000, 1, 2)


@pytest.mark.parametrize(("speech_rate", "seconds"), [(-50, 2.0), (0, 1.0), (100, 0.5)])
async def test_speech_rate_changes_the_length(speech_rate: int, seconds: float) -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        sound = _sound(await _talk(line, "s", "你好呀！", format="pcm", speech_rate=speech_rate))

    assert len(sound) / 48000 == pytest.approx(seconds, rel=0.01)


async def test_loudness_rate_changes_the_level() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        quiet = _sound(await _talk(line, "s-1", "你好！", format="wav", loudness_rate=-50))
        loud = _sound(await _talk(line, "s-2", "你好！", format="wav", loudness_rate=100))

    assert _decoded(loud, "wav")[2] == pytest.approx(4 * _decoded(quiet, "wav")[2], rel=0.01)


async def test_the_same_sentence_sounds_the_same_again() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        sounds = {_sound(await _talk(line, f"s-{at}", "你好呀！")) for at in range(3)}

    assert len(sounds) == 1


async def test_a_second_generation_session_is_one_stream_around_all_sentences() -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS2_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "Hi there. ", "How are you?", speaker=VOICE_2, format="ogg_opus")

    assert _order(frames) == [START, SOUND, END, SpeechEvent.SESSION_FINISHED]
    assert frames[-2].json()["text"] == "Hi there. How are you?"
    assert _decoded(_sound(frames), "ogg")[0] == pytest.approx(0.25 * 21, abs=0.1)


async def test_timestamps_of_a_first_generation_voice_come_with_the_sentence() -> None:
    script = Script(tone=Tone(ms_per_char=250))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好！", "嗯，", enable_timestamp=True)

    words = [frame.json()["words"] for frame in frames if frame.event == END]
    assert [[(w["word"], w["startTime"], w["endTime"]) for w in sentence] for sentence in words] == [
        [("你", 0.0, 0.375), ("好", 0.375, 0.75)],
        [("嗯", 0.75, 1.25)],
    ]


async def test_subtitles_of_a_second_generation_voice_are_events_of_their_own() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS2_HEADERS) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好！", "再见。", speaker=VOICE_2, enable_subtitle=True)

    subtitles = [frame.json() for frame in frames if frame.event == SpeechEvent.SUBTITLE]
    assert [subtitle["text"] for subtitle in subtitles] == ["你好！", "再见。"]
    assert subtitles[1]["words"][0]["startTime"] > 0


async def test_sessions_follow_one_another_on_one_connection() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        for session in ("s-1", "s-2", "s-3"):
            frames = await _talk(line, session, "你好。")
            assert {frame.ident for frame in frames} == {session}
        stats = vendor.stats()["tts"]

    assert (stats["handshakes"], stats["sessions"], stats["sessions_per_socket"]) == (1, 3, [3])
    assert [request["texts"] for request in stats["requests"]] == [["你好。"]] * 3


async def test_cancelling_stops_at_once_and_leaves_the_connection_usable() -> None:
    script = Script(timing=Timing(tts_piece_ms=20), tone=Tone(ms_per_char=1000))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s-1")
        await line.say("s-1", "很长很长很长很长很长的一句话。")
        await line.until(SOUND)
        await line.send(event(CANCEL, "s-1"))
        await line.until(SpeechEvent.SESSION_CANCELED)

        after = [await line.start_session("s-2")]
        await line.say("s-2", "一。")
        after += await line.until(END)
        assert {frame.ident for frame in after} == {"s-2"}
        assert vendor.stats()["tts"]["requests"][0]["cancelled"] is True


async def test_a_session_that_is_finished_without_text_ends_without_sound() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()

        assert _order(await _talk(line, "s")) == [SpeechEvent.SESSION_FINISHED]


def _start_with(additions: dict[str, Any], **params: Any) -> SpeechFrame:
    wanted = {"speaker": VOICE, "audio_params": {"format": "pcm"}, "additions": json.dumps(additions), **params}
    return event(SpeechEvent.START_SESSION, "s", {"req_params": wanted})


@pytest.mark.parametrize(("headers", "speaker"), [(TTS_HEADERS, VOICE), (TTS2_HEADERS, VOICE_2)])
async def test_silence_is_added_once_at_the_end_of_all_text(headers: dict[str, str], speaker: str) -> None:
    script = Script(tone=Tone(ms_per_char=100))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), headers) as line:
        await line.start_connection()
        await line.send(_start_with({"silence_duration": 500}, speaker=speaker))
        await line.receive()
        await line.say("s", "你好。", "再见。")
        await line.send(event(FINISH, "s"))
        frames = await line.until(SpeechEvent.SESSION_FINISHED)

    sound, silence = _sound(frames), bytes(500 * 48)
    assert len(sound) == (300 + 300 + 500) * 48
    assert sound.endswith(silence)
    assert silence not in sound[:-1]
    assert [frame.event for frame in frames[-2:]] == [END, SpeechEvent.SESSION_FINISHED]


@pytest.mark.parametrize("silence_ms", [-1, 30_001, "500", True])
async def test_more_silence_than_the_vendor_has_is_refused(silence_ms: object) -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(_start_with({"silence_duration": silence_ms}))

        assert (await _failure(line))[0] == 45000001


@pytest.mark.parametrize(
    ("additions", "bit_rate"),
    [
        ('{"disable_default_bit_rate": true}', 16_000),
        ('{"disable_default_bit_rate": false}', 64_000),
        ("disable_default_bit_rate", 64_000),
        ("[]", 64_000),
        (None, 64_000),
    ],
)
def test_a_low_bit_rate_is_had_by_those_who_switch_the_default_off(additions: str | None, bit_rate: int) -> None:
    audio = {"format": "mp3", "bit_rate": 16_000}
    params = {"speaker": VOICE, "audio_params": audio, "additions": additions}

    assert tts_request.parse({"req_params": params}, "seed-tts-1.0").sound.bit_rate == bit_rate


@pytest.mark.parametrize(("headers", "speaker"), [(TTS_HEADERS, VOICE), (TTS2_HEADERS, VOICE_2)])
async def test_a_character_may_come_in_halves(headers: dict[str, str], speaker: str) -> None:
    async with (
        running_emulator(Script(tone=Tone(ms_per_char=10))) as vendor,
        dialled(vendor.tts_url(), headers) as line,
    ):
        await line.start_connection()
        await line.start_session("s", speaker=speaker, format="pcm")
        for text in ("好\ud83d", "\ude00。", "吗\ud83d"):
            said = json.dumps({"req_params": {"text": text}}).encode()
            await line.send(replace(task_request("s", ""), payload=said))
        await line.send(event(FINISH, "s"))
        frames = await line.until(SpeechEvent.SESSION_FINISHED)

    assert "".join(frame.json()["text"] for frame in frames if frame.event == END) == "好\U0001f600。吗\ufffd"


async def test_usage_counts_the_characters() -> None:
    headers = TTS_HEADERS | {"X-Control-Require-Usage-Tokens-Return": "other, text_words"}
    async with running_emulator() as vendor, dialled(vendor.tts_url(), headers) as line:
        await line.start_connection()
        frames = await _talk(line, "s", "你好，", "世界。")

    assert frames[-1].json() == {"status_code": 20000000, "message": "ok", "usage": {"text_words": 6}}


async def _failure(line: Line) -> tuple[int | None, str]:
    """The status of SessionFailed, which has to be the last frame, or the code of an error frame."""
    frame = (await line.rest())[-1]
    if frame.event == SpeechEvent.SESSION_FAILED:
        return frame.json()["status_code"], frame.ident or ""
    return frame.error_code, "error frame"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"speaker": ""}, 45002000),
        ({"speaker": 7}, 45000001),
        ({"speaker": "nobody"}, 45000000),
        ({"format": "flac"}, 45000001),
        ({"sample_rate": 11025}, 45000001),
        ({"sample_rate": "24000"}, 45000001),
        ({"speech_rate": 101}, 45000001),
        ({"loudness_rate": -51}, 45000001),
    ],
)
async def test_a_session_that_asks_for_something_wrong_fails_and_ends_the_connection(
    params: dict[str, Any], code: int
) -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(start_session("s", **params))

        assert await _failure(line) == (code, "s")


@pytest.mark.parametrize(
    ("resource", "speaker", "fits"),
    [
        ("seed-tts-1.0", VOICE, True),
        ("volc.service_type.10048", "BV001_streaming", True),
        ("seed-tts-2.0", "saturn_zh_female_cancan_tob", True),
        ("seed-icl-2.0", "S_abc", True),
        ("volc.megatts.default", "S_abc", True),
        ("seed-tts-2.0", VOICE, False),
        ("seed-tts-1.0", VOICE_2, False),
        ("seed-tts-1.0", "S_abc", False),
    ],
)
async def test_a_resource_pays_for_its_own_family_of_voices(resource: str, speaker: str, fits: bool) -> None:
    headers = TTS_HEADERS | {"X-Api-Resource-Id": resource}
    async with running_emulator() as vendor, dialled(vendor.tts_url(), headers) as line:
        await line.start_connection()
        answer = await line.start_session("s", speaker=speaker)

    assert (answer.event, answer.error_code) == ((150, None) if fits else (None, 55000000))


async def test_text_with_nothing_to_read_fails() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s")
        await line.say("s", "……！")
        await line.send(event(FINISH, "s"))

        assert await _failure(line) == (45002001, "s")


async def test_more_text_than_a_session_may_have_fails() -> None:
    script = Script(limits=Limits(tts_text_chars=5))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s")
        await line.say("s", "一二三四五六")

        assert await _failure(line) == (40402003, "s")


async def test_a_second_session_beside_a_live_one_is_refused() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s-1")
        await line.send(start_session("s-2"))

        assert await _failure(line) == (45000000, "s-2")


@pytest.mark.parametrize("frame", [task_request("other", "你好"), event(FINISH, "other"), event(CANCEL, "other")])
async def test_an_unknown_session_closes_the_connection_with_its_name(frame: SpeechFrame) -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s")
        await line.send(frame)

        assert await line.closed() == (1000, "non-exist session: other")


async def test_a_very_long_unknown_session_id_still_closes_in_order() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(event(FINISH, "号" * 200))

        assert (await line.closed())[0] == 1000


async def test_a_finished_session_is_unknown() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await _talk(line, "s", "你好。")
        await line.say("s", "还有")

        assert await line.closed() == (1000, "non-exist session: s")


@pytest.mark.parametrize(
    "frame",
    [
        start_session("s"),
        event(SpeechEvent.USAGE, "s"),
        b"\x11\x14",
        SpeechFrame(MessageType.CLIENT_REQUEST, b"{}", serialization=1),
    ],
    ids=["session before connection", "a server's event", "no frame", "no event"],
)
async def test_what_is_no_event_for_a_new_connection_is_an_error_frame(frame: SpeechFrame | bytes) -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.send(frame)

        assert await _failure(line) == (45000000, "error frame")


async def test_broken_json_in_a_session_is_an_error_frame() -> None:
    broken = SpeechFrame(MessageType.CLIENT_REQUEST, b"{", serialization=1, event=SpeechEvent.START_SESSION, ident="s")
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.send(broken)

        assert await _failure(line) == (45000000, "error frame")


async def test_an_idle_connection_is_ended_when_the_script_has_a_limit() -> None:
    script = Script(limits=Limits(tts_idle_ms=60))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        frame = (await line.rest())[-1]

    assert (frame.error_code, frame.json()) == (55000000, {"error": "client send timeout"})


async def test_the_idle_limit_counts_from_the_end_of_the_last_session() -> None:
    script = Script(limits=Limits(tts_idle_ms=60))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await _talk(line, "s", "你好。")
        frame = (await line.rest())[-1]

    assert (frame.error_code, frame.json()) == (55000000, {"error": "client send timeout"})


async def test_a_session_that_waits_for_its_text_is_not_idle() -> None:
    script = Script(limits=Limits(tts_idle_ms=60))
    async with running_emulator(script) as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await line.start_session("s")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await line.receive()
        await line.say("s", "你好。")

        assert (await line.receive()).event == START


async def test_a_voice_that_was_left_speaking_ends_with_its_connection() -> None:
    script = Script(timing=Timing(tts_piece_ms=10), tone=Tone(ms_per_char=5000))
    async with running_emulator(script) as vendor:
        async with dialled(vendor.tts_url(), TTS_HEADERS) as line:
            await line.start_connection()
            await line.start_session("s")
            await line.say("s", "很长的一句。")
            await line.until(SOUND)
        await vendor.hung_up()


def _one_text(text: str, **params: Any) -> SpeechFrame:
    payload = {"user": {"uid": "u"}, "req_params": {"speaker": VOICE, "text": text, **params}}
    return SpeechFrame(MessageType.CLIENT_REQUEST, json_bytes(payload), serialization=Serialization.JSON)


async def test_the_unidirectional_way_speaks_one_text_after_another() -> None:
    url_path = "unidirectional/stream"
    async with running_emulator() as vendor, dialled(vendor.tts_url(url_path), TTS_HEADERS) as line:
        sessions = set()
        for text in ("你好。", "再见。"):
            await line.send(_one_text(text))
            frames = await line.until(SpeechEvent.SESSION_FINISHED)
            assert _order(frames) == [START, SOUND, END, SpeechEvent.SESSION_FINISHED]
            assert frames[0].json()["text"] == text
            sessions |= {frame.ident for frame in frames}
        await line.send(event(SpeechEvent.FINISH_CONNECTION))
        assert (await line.receive()).event == SpeechEvent.CONNECTION_FINISHED

    assert len(sessions) == 2


async def test_the_unidirectional_way_reads_ssml_without_its_markup() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url("unidirectional/stream"), TTS_HEADERS) as line:
        await line.send(_one_text("", ssml='<speak>你<break time="1s"/>好&amp;</speak>'))
        frames = await line.until(SpeechEvent.SESSION_FINISHED)

    assert frames[0].json()["text"] == "你好&"


@pytest.mark.parametrize(
    ("frame", "code"), [(event(SpeechEvent.START_CONNECTION), 55000000), (_one_text(""), 45000001)]
)
async def test_the_unidirectional_way_refuses_what_it_cannot_speak(frame: SpeechFrame, code: int) -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url("unidirectional/stream"), TTS_HEADERS) as line:
        await line.send(frame)

        assert (await _failure(line))[0] == code


async def test_stats_are_json() -> None:
    async with running_emulator() as vendor, dialled(vendor.tts_url(), TTS_HEADERS) as line:
        await line.start_connection()
        await _talk(line, "s", "你好。")
        stamps = json.loads(json.dumps(vendor.stats()))["stamps"]

    assert [(stamp["what"], stamp["id"], stamp["text"]) for stamp in stamps] == [
        ("handshake", "connect-1", "tts"),
        ("first_audio", "s", "你好。"),
    ]
