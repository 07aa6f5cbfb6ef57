"""Mandarin into phonemes: tones that change, numbers, and English in between."""

from collections.abc import Callable
from pathlib import Path

import pytest

Phonemes = Callable[[str], str]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Phonemes:
    """The reader. Its libraries take seconds to be imported, which only the process that runs these tests has to."""
    pytest.importorskip("misaki", reason="misaki needs Python 3.11 or 3.12")
    pytest.importorskip("kokoro_onnx", reason="kokoro-onnx is not installed")
    from emulator.engines import phonemes

    cache: Path = tmp_path_factory.mktemp("words")
    return phonemes.Phonemes(lambda english: f"<{english.strip()}>", str(cache))


def test_a_third_tone_before_another_rises(read: Phonemes) -> None:
    assert read("你好。") == "ni↗xau↓."


def test_bu_and_yi_take_the_tone_that_their_neighbour_asks_for(read: Phonemes) -> None:
    assert read("不是") == "pu↗ʂɨ↘"
    assert read("一个").startswith("i↗")


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("我今年20岁。", "我今年二十岁。"),
        ("下午3:30见。", "下午三点半见。"),
        ("一共1,234个。", "一共一千二百三十四个。"),
        ("涨了12.5%。", "涨了百分之十二点五。"),
        ("2个苹果", "两个苹果"),
        ("第2个", "第二个"),
        ("2024年5月1日", "二零二四年五月一日"),
    ],
)
def test_numbers_are_read_in_mandarin(read: Phonemes, digits: str, words: str) -> None:
    assert read(digits) == read(words)


def test_english_in_mandarin_is_read_by_the_english_reader(read: Phonemes) -> None:
    assert read("我喜欢Taylor Swift，真的。").count("<Taylor Swift>") == 1
    assert read("Hello there.") == "<Hello there.>"


@pytest.mark.parametrize(
    ("marked", "plain"), [("好……真的？", "好，真的？"), ("《你好》", "你好"), ("他说：“好”", "他说：好")]
)
def test_marks_become_pauses_or_nothing(read: Phonemes, marked: str, plain: str) -> None:
    assert read(marked).replace(",", "").replace(" ", "") == read(plain).replace(",", "").replace(" ", "")
