"""Counting tokens without a tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.token_count import FRAME_TOKENS, clipped, message_tokens, text_tokens
from backend.ports import Message


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("你好，我叫小明。", 8),
        ("Hello there, Tom!", 5),
        ("unbelievably", 3),
        ("in 1998", 5),
        ("   ", 0),
        ("好\n好", 3),
        ("😀", 2),
        ("café", 1),
    ],
)
def test_hanzi_digits_and_marks_count_one_and_words_by_their_length(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


def test_a_message_takes_more_than_its_text() -> None:
    assert message_tokens([Message("user", "你好"), Message("assistant", "")]) == 2 + 2 * FRAME_TOKENS


@given(st.text(), st.text())
def test_two_texts_together_take_about_as_much_as_apart(one: str, other: str) -> None:
    assert text_tokens(one + other) <= text_tokens(one) + text_tokens(other) <= text_tokens(one + other) + 1


@given(st.text() | st.text("你好ab .。", max_size=200), st.integers(0, 100))
def test_what_is_clipped_fits_and_is_a_beginning(text: str, most: int) -> None:
    short = clipped(text, most)

    assert text_tokens(short) <= most
    assert text.startswith(short.removesuffix("…")) or text.startswith(short)
    if text_tokens(text) <= most:
        assert short == text


def test_it_is_clipped_after_a_sentence_where_one_ends_in_time() -> None:
    assert clipped("他叫小明。他喜欢唱歌。他住在很远的地方", 14) == "他叫小明。他喜欢唱歌。"
    assert clipped("他住在很远很远的地方", 5) == "他住在很…"
