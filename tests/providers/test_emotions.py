"""One set of names for emotions, and what each vendor's voices make of them."""

import logging

import pytest

from backend.providers import emotions

FEELING = "zh_female_roumeinvyou_emo_v2_mars_bigtts"
PLAIN = "zh_female_shuangkuaisisi_moon_bigtts"


@pytest.mark.parametrize(
    ("voice", "emotion", "word"),
    [
        (FEELING, "happy", "happy"),
        (FEELING, "fearful", "fear"),
        (FEELING, "disgusted", "hate"),
        (FEELING, "lovey-dovey", "lovey-dovey"),
        (FEELING, "", ""),
        (PLAIN, "happy", ""),
        ("zh_female_vv_uranus_bigtts", "happy", ""),
    ],
)
def test_doubaos_multi_emotion_voices_feel_and_the_others_do_not(voice: str, emotion: str, word: str) -> None:
    assert emotions.doubao(voice, emotion) == word


@pytest.mark.parametrize(
    ("model", "voice", "emotion", "word"),
    [
        ("cosyvoice-v3-flash", "longanhuan", "sad", "sad"),
        ("cosyvoice-v3-plus", "longanyang", "fear", "fearful"),
        ("cosyvoice-v3-flash", "cosyvoice-v3-flash-me-1234", "hate", "disgusted"),
        ("cosyvoice-v3-plus", "cosyvoice-v3-plus-me-1234", "happy", ""),
        ("cosyvoice-v3.5-plus", "cosyvoice-v3.5-plus-me-1234", "happy", "happy"),
        ("cosyvoice-v3-flash", "longxiaochun_v3", "happy", ""),
        ("cosyvoice-v2", "longhua_v2", "happy", ""),
        ("cosyvoice-v3-flash", "longanhuan", "excited", ""),
    ],
)
def test_cosyvoice_is_told_only_what_the_voice_can_be_told(model: str, voice: str, emotion: str, word: str) -> None:
    assert emotions.cosyvoice(model, voice, emotion) == word


def test_a_client_is_offered_emotions_where_the_voice_has_them() -> None:
    assert emotions.offered("volcengine", "", FEELING) == emotions.COMMON
    assert emotions.offered("volcengine", "", PLAIN) == ()
    assert emotions.offered("dashscope", "cosyvoice-v3-flash", "longanyang") == emotions.COMMON
    assert emotions.offered("dashscope", "cosyvoice-v2", "longhua_v2") == ()


def test_an_emotion_that_is_not_felt_is_noted_once_for_each_voice(caplog: pytest.LogCaptureFixture) -> None:
    unfelt = emotions.Unfelt()

    with caplog.at_level(logging.INFO):
        for voice, felt in ((PLAIN, ""), (PLAIN, ""), (FEELING, "happy"), ("other", "")):
            unfelt.note(voice, "happy", felt)

    assert [record.__dict__["voice"] for record in caplog.records] == [PLAIN, "other"]
