"""Cutting a text that arrives in pieces into sentences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.providers.sentences import LONGEST_CHARS, SentenceCutter, is_speakable


def cut(*pieces: str) -> list[str]:
    cutter = SentenceCutter()
    return [sentence for piece in pieces for sentence in cutter.feed(piece)] + cutter.flush()


@pytest.mark.parametrize(
    ("pieces", "sentences"),
    [
        (["今天天气不错。我们去公园吧！"], ["今天天气不错。", "我们去公园吧！"]),
        (["今天天", "气不错。我们去", "公园吧"], ["今天天气不错。", "我们去公园吧"]),
        (["他说：“今天天气不错。”然后走了。"], ["他说：“今天天气不错。”", "然后走了。"]),
        (["It is 3.5 degrees. Are you cold?"], ["It is 3.5 degrees.", "Are you cold?"]),
        (["Really?! Yes, really…… I mean it."], ["Really?!", "Yes, really……", "I mean it."]),
    ],
)
def test_text_is_cut_at_the_end_of_sentences(pieces: list[str], sentences: list[str]) -> None:
    assert cut(*pieces) == sentences


def test_a_sentence_is_given_as_soon_as_it_is_whole() -> None:
    assert SentenceCutter().feed("今天天气不错。") == ["今天天气不错。"]


def test_a_very_short_sentence_goes_with_the_next() -> None:
    assert cut("嗯！", "我知道了。") == ["嗯！我知道了。"]


def test_what_nobody_can_say_is_dropped() -> None:
    assert cut("……", "？！") == []


def test_a_long_sentence_without_an_end_is_cut_at_its_last_clause() -> None:
    text = "好" * 50 + "，" + "啊" * 50

    assert cut(text) == ["好" * 50 + "，", "啊" * 50]


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("天气abc 3.。！，,”\n…"), max_size=60), max_size=12))
def test_no_spoken_character_is_lost_and_no_sentence_is_too_long(pieces: list[str]) -> None:
    sentences = cut(*pieces)

    assert [c for c in "".join(sentences) if c.isalnum()] == [c for c in "".join(pieces) if c.isalnum()]
    assert all(is_speakable(sentence) for sentence in sentences)
    assert all(len(sentence) <= LONGEST_CHARS for sentence in sentences)
