"""Spellings that sound the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.sounds import sounds, words


def heard(text: str) -> list[str]:
    return [sound.text for sound in sounds(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("二十岁", "20岁"),
        ("二百五十", "250"),
        ("十五", "15"),
        ("一万两千", "12000"),
        ("三点半", "3:30"),
        ("三点半", "3点半"),
        ("一点五", "1.5"),
        ("百分之二十五", "25%"),
        ("二零二六年三月五号", "2026年3月5日"),
        ("２５", "25"),
        ("twenty-five", "25"),
        ("two hundred fifty", "250"),
        ("twelfth", "12th"),
        ("the first", "the 1st"),
        ("I'm fine", "I am fine"),
        ("I can't", "I cannot"),
        ("it won’t", "it wont"),
        ("don't", "do not"),
        ("she isn't", "she's not"),
        ("It's OK", "its okay"),
        ("他在那儿", "她在那"),
        ("你好。", "你 好！"),
    ],
)
def test_two_spellings_of_the_same_words_are_the_same(one: str, other: str) -> None:
    assert heard(one) == heard(other)


@pytest.mark.parametrize(
    ("one", "other"), [("二十五", "三十五"), ("儿子", "子"), ("park", "dark"), ("去吗", "去"), ("can", "can't")]
)
def test_other_words_stay_others(one: str, other: str) -> None:
    assert heard(one) != heard(other)


@given(st.text(max_size=40))
def test_every_sound_ends_inside_the_text_and_none_before_another(text: str) -> None:
    ends = [sound.end for sound in sounds(text)]

    assert ends == sorted(ends)
    assert all(0 < end <= len(text) for end in ends)
    assert bool(ends) == bool(words(text))
