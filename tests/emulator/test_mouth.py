"""What the on-device voice makes of a sentence and of a vendor's voice id, and what espeak-ng is told; no model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines import voices
from emulator.engines.base import Pcm, SpeakOptions
from emulator.engines.espeak import by_language
from emulator.engines.level import CEILING, LOUDNESS, levelled, pcm_with_pause
from emulator.engines.mouth import Mouth
from emulator.engines.pieces import pieces, syllables
from emulator.engines.workers import Worker


class Speaker(Worker):
    """Answers with the piece's own bytes, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__("speaker", "tts", "", {})
        self.asked: list[dict[str, Any]] = []

    async def call(
        self, method: str, blob: bytes = b"", *, urgent: bool = False, **arguments: Any
    ) -> tuple[Any, bytes]:
        self.asked.append({"method": method, **arguments})
        return None, arguments["text"].encode()


async def test_a_sentence_is_spoken_in_pieces_with_the_asked_voice_rate_and_volume() -> None:
    speaker = Speaker()
    mouth = Mouth(speaker, 24_000, str.upper)

    made = [pcm async for pcm in mouth.speak("你好，你今天在干什么呀？", SpeakOptions("x", rate=1.5, volume=0.5))]

    assert made == [Pcm("你好，".encode(), 24_000), Pcm("你今天在干什么呀？".encode(), 24_000)]
    assert speaker.asked[0] == {"method": "say", "text": "你好，", "voice": "X", "rate": 1.5, "volume": 0.5}


async def test_a_listener_who_leaves_stops_the_rest() -> None:
    speaker = Speaker()
    made = Mouth(speaker, 24_000, str).speak("你好，你今天在干什么呀？", SpeakOptions("x"))

    await anext(made)
    await made.aclose()  # type: ignore[attr-defined]

    assert len(speaker.asked) == 1


@pytest.mark.parametrize("nothing", ["", "……", "。，！", " \n", "🙂", "（）"])
async def test_a_sentence_without_readable_characters_yields_nothing(nothing: str) -> None:
    speaker = Speaker()

    assert [pcm async for pcm in Mouth(speaker, 24_000, str).speak(nothing, SpeakOptions("x"))] == []
    assert speaker.asked == []


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("嗯。", ["嗯。"]),
        ("喂，你好呀！我在修照片呢。", ["喂，你好呀！", "我在修照片呢。"]),
        ("真的吗？我觉得云南的天空特别蓝，很适合拍照。", ["真的吗？", "我觉得云南的天空特别蓝，", "很适合拍照。"]),
        ("Hello, what did you do today?", ["Hello, ", "what did you do today?"]),
        ("在3.5公里外，价格1,234元。", ["在3.5公里外，", "价格1,234元。"]),
        ("Dr. Smith said 3.14!", ["Dr. Smith said 3.14!"]),
        ("我叫“青青”。", ["我叫“青青”。"]),
    ],
)
def test_a_sentence_is_cut_at_its_clauses_and_begins_short(sentence: str, expected: list[str]) -> None:
    assert list(pieces(sentence)) == expected


@given(st.text(st.sampled_from("你好青天我吗，。！？…、 abc.12\n“”"), max_size=80))
def test_pieces_lose_nothing_that_can_be_read_out(sentence: str) -> None:
    made = list(pieces(sentence))

    readable = [letter for letter in sentence if letter.isalnum()]
    assert [letter for letter in "".join(made) if letter.isalnum()] == readable
    assert all(any(letter.isalnum() for letter in piece) for piece in made)


def test_syllables_are_characters_digits_and_a_few_letters_each() -> None:
    assert syllables("你好，hello 20") == 2 + 2 + 2


def vendor_ids() -> Iterator[str]:
    for kind in (
        "shuangkuaisisi",
        "linjianvhai",
        "tianmeixiaoyuan",
        "qingchezizi",
        "kailangjiejie",
        "vv",
        "xiaohe",
        "cancan",
    ):
        yield f"zh_female_{kind}_moon_bigtts"


def test_a_vendors_voice_keeps_its_sex_and_its_stand_in() -> None:
    assert all(voices.stand_in(name) in voices.WOMEN for name in vendor_ids())
    assert voices.stand_in("zh_male_wennuanahu_moon_bigtts") in voices.MEN
    assert voices.stand_in("saturn_zh_male_tiancaitongzhuo_tob") in voices.MEN
    assert voices.stand_in("longcheng_v2") in voices.MEN
    assert voices.stand_in("loongbrian_v2") in voices.MEN
    assert voices.stand_in("longxiaochun_v2") in voices.WOMEN
    assert voices.stand_in("zh_male_wennuanahu_moon_bigtts") == voices.stand_in("zh_male_wennuanahu_moon_bigtts")


def test_different_voices_sound_different() -> None:
    assert len({voices.stand_in(name) for name in vendor_ids()}) >= 3


def test_each_of_ours_can_be_chosen_by_an_id_of_doubaos_shape() -> None:
    assert {voices.stand_in(f"zh_female_{name}_local_bigtts") for name in voices.WOMEN} == set(voices.WOMEN)
    assert {voices.stand_in(f"zh_male_{name}_local_bigtts") for name in voices.MEN} == set(voices.MEN)


def test_the_personas_own_voice_is_the_clearest_one() -> None:
    assert voices.stand_in("zh_female_shuangkuaisisi_moon_bigtts") == voices.DEFAULT
    assert voices.stand_in("") == voices.DEFAULT


@pytest.mark.parametrize("mixture", voices.ALL.values())
def test_every_voice_is_a_whole_mixture(mixture: dict[str, float]) -> None:
    assert sum(mixture.values()) == pytest.approx(1.0)


@given(st.floats(0.001, 2.0), st.floats(0.1, 3.0))
def test_sound_has_the_shared_loudness_and_is_never_clipped(peak: float, volume: float) -> None:
    sound = (peak * np.sin(np.arange(2400) / 10)).astype(np.float32)

    made = levelled(sound, volume)

    rms = float(np.sqrt(np.mean(made**2)))
    assert np.abs(made).max() <= CEILING + 1e-4
    assert rms == pytest.approx(min(volume * LOUDNESS, CEILING / np.sqrt(2)), rel=0.02)


def test_silence_stays_silence_and_a_pause_follows_speech() -> None:
    assert not levelled(np.zeros(10, np.float32), 1.0).any()
    assert pcm_with_pause(np.ones(2, np.float32), 0.001, 2000) == b"\xff\x7f\xff\x7f\x00\x00\x00\x00"


def test_espeak_reads_each_run_in_its_own_language() -> None:
    runs = list(by_language("我喜欢 Taylor Swift 的1989。Really!"))

    assert runs == [("cmn", "我喜欢 "), ("en-us", "Taylor Swift"), ("cmn", " 的1989。"), ("en-us", "Really!")]
