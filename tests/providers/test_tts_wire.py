"""The frames of bidirectional synthesis that we send."""

import pytest

from backend.ports import SpeechOptions
from backend.protocol.speech import decode
from backend.providers.volcengine import tts_wire
from backend.providers.volcengine.config import TtsConfig
from tests.providers.golden import golden, golden_bytes

VOICE = "zh_female_shuangkuaisisi_moon_bigtts"
EXPRESSIVE = "zh_female_shuangkuaisisi_emo_v2_mars_bigtts"
SESSION = "44444444-5555-4666-8777-888888888888"


def test_frames_without_choices_are_the_vendors_golden_bytes() -> None:
    assert tts_wire.start_connection() == golden_bytes("tts.client.start_connection")
    assert tts_wire.finish_connection() == golden_bytes("tts.client.finish_connection")
    assert tts_wire.finish_session(SESSION) == golden_bytes("tts.client.finish_session")
    assert tts_wire.cancel_session(SESSION) == golden_bytes("tts.client.cancel_session")


def test_start_session_chooses_voice_and_sound_as_the_golden_frame_does() -> None:
    options = SpeechOptions(VOICE, "pcm", 24_000)
    frame = decode(tts_wire.start_session(SESSION, options, TtsConfig(user_id="12345")))

    expected = golden("tts.client.start_session.with_user")
    assert (frame.event, frame.ident, frame.flags) == (expected.event, expected.ident, expected.flags)
    assert frame.json()["req_params"] == expected.json()["req_params"]
    assert frame.json()["user"] == expected.json()["user"]


def test_a_task_request_carries_text_alone_as_utf_8() -> None:
    message = tts_wire.task_request(SESSION, "你好，世界。")

    assert decode(message).json() == {
        "event": 200,
        "namespace": "BidirectionalTTS",
        "req_params": {"text": "你好，世界。"},
    }
    assert "你好，世界。".encode() in message


def audio_params(options: SpeechOptions, config: TtsConfig | None = None) -> object:
    frame = decode(tts_wire.start_session(SESSION, options, config or TtsConfig()))
    return frame.json()["req_params"]["audio_params"]


def test_mp3_and_opus_name_their_bit_rate() -> None:
    assert audio_params(SpeechOptions(VOICE)) == {"format": "mp3", "sample_rate": 24_000, "bit_rate": 64_000}
    assert audio_params(SpeechOptions(VOICE, "opus", 48_000), TtsConfig(bit_rate_bps=96_000)) == {
        "format": "ogg_opus",
        "sample_rate": 48_000,
        "bit_rate": 96_000,
    }


@pytest.mark.parametrize(
    ("factor", "percent"), [(0.5, -50), (0.8, -20), (1.0, None), (1.25, 25), (2.0, 100), (9.0, 100), (0.1, -50)]
)
def test_speed_and_loudness_become_the_vendors_percents(factor: float, percent: int | None) -> None:
    params = audio_params(SpeechOptions(VOICE, "pcm", rate=factor, volume=factor))

    expected = {} if percent is None else {"speech_rate": percent, "loudness_rate": percent}
    assert params == {"format": "pcm", "sample_rate": 24_000} | expected


def test_an_emotion_a_model_and_additions_are_named_when_they_are_given() -> None:
    config = TtsConfig(model="seed-tts-1.1", additions='{"silence_duration":100}')
    frame = decode(tts_wire.start_session(SESSION, SpeechOptions(EXPRESSIVE, "pcm", emotion="happy"), config))

    params = frame.json()["req_params"]
    assert params["audio_params"]["emotion"] == "happy"
    assert (params["model"], params["additions"]) == ("seed-tts-1.1", '{"silence_duration":100}')


@pytest.mark.parametrize(
    ("resource_id", "audio_format", "by_sentence"),
    [
        ("seed-tts-1.0", "mp3", False),
        ("volc.service_type.10029", "pcm", False),
        ("seed-tts-2.0", "mp3", True),
        ("seed-tts-2.0-concurr", "mp3", True),
        ("seed-icl-2.0", "pcm", True),
        ("seed-tts-1.0", "opus", True),
    ],
)
def test_2_0_voices_and_opus_are_spoken_sentence_by_sentence(
    resource_id: str, audio_format: str, by_sentence: bool
) -> None:
    options = SpeechOptions("any", audio_format)  # type: ignore[arg-type]

    assert tts_wire.speaks_by_sentence(resource_id, options) == by_sentence
