"""How tokens are batched for the synthesiser."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.sentences import WORD_CHARS, Chunker


def chunks(text: str, first_chars: int = 8, later_chars: int = 18) -> list[str]:
    chunker = Chunker(first_chars, later_chars)
    return chunker.feed(text) + chunker.end()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("嗯，我在呢", ["嗯，", "我在呢"]),
        ("今天天气真不错呀我们", ["今天天气真不错呀", "我们"]),
        ("今天天气真不错呀" + "去" * 20, ["今天天气真不错呀", "去" * 18, "去去"]),
        ("你好！！！……走吧", ["你好！", "！！……走吧"]),
        ("第一\n第二；第三：第四", ["第一\n", "第二；", "第三：", "第四"]),
        ("Well, we could go", ["Well,", " we could go"]),
        ("Wonderful weather", ["Wonderful", " weather"]),
        ("It's 12:30 and 1,000.50 it is", ["It's 12:30", " and 1,000.50 it is"]),
        ("Dr. Hill of the U.S. Navy, e.g. Tom. Ok", ["Dr. Hill", " of the U.S. Navy,", " e.g. Tom.", " Ok"]),
        ("Hm... well. So", ["Hm...", " well.", " So"]),
        ("zzzz zze\u0301 ok", ["zzzz zze\u0301", " ok"]),
        ("看看example.com吧", ["看看example.com", "吧"]),
        ("我们都是2024年3月来的", ["我们都是2024年", "3月来的"]),
        ("", []),
    ],
)
def test_a_reply_is_cut_into(text: str, expected: list[str]) -> None:
    assert chunks(text) == expected


def test_the_first_chunk_comes_with_its_last_character() -> None:
    chunker = Chunker()

    assert chunker.feed("今天天气真不错") == []
    assert chunker.feed("呀") == ["今天天气真不错呀"]


def test_a_clause_is_given_with_its_mark() -> None:
    chunker = Chunker()

    assert chunker.feed("嗯") == []
    assert chunker.feed("，") == ["嗯，"]


def test_a_point_waits_for_the_next_character() -> None:
    chunker = Chunker()

    assert chunker.feed("Pi is 3.") == []
    assert chunker.feed("1") == []
    assert chunker.feed("4. ") == ["Pi is 3.14."]


def test_unbatched_passes_tokens_on() -> None:
    chunker = Chunker(unbatched=True)

    assert [chunker.feed(token) for token in ("今", "", "天天")] == [["今"], [], ["天天"]]
    assert chunker.end() == []


texts = st.text("今天好，。！…ab1.,: -'\n\u0301\u200d", max_size=120) | st.text(max_size=60)
sizes = st.integers(1, 30)


@given(texts, sizes, sizes, st.lists(st.integers(0, 120), max_size=6), st.booleans())
def test_the_chunks_joined_are_the_text(text: str, first: int, later: int, cuts: list[int], unbatched: bool) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunker = Chunker(first, later, unbatched)

    pieces = [chunk for a, b in pairwise(edges) for chunk in chunker.feed(text[a:b])]

    assert "".join(pieces + chunker.end()) == text


@given(texts, st.lists(st.integers(0, 120), max_size=6))
def test_the_cutting_of_the_stream_changes_nothing(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunker = Chunker()

    pieces = [chunk for a, b in pairwise(edges) for chunk in chunker.feed(text[a:b])]

    assert pieces + chunker.end() == chunks(text)


@given(texts | st.text("ab1", max_size=300), sizes, sizes)
def test_no_chunk_is_empty_or_without_bound(text: str, first: int, later: int) -> None:
    assert all(1 <= len(chunk) <= max(first, later) + WORD_CHARS for chunk in chunks(text, first, later))


words = st.text("abz019é'", min_size=1, max_size=20)


@given(
    st.lists(
        words | st.sampled_from(["今天", "，", "。", ". ", " ", "e\u0301e\u0301", "1,000.5", "don't"]), max_size=30
    )
)
def test_no_word_or_number_is_cut(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = chunks(text)

    for before, after in pairwise(pieces):
        assert not unicodedata.combining(after[0])
        assert not (is_word(before[-1]) and is_word(after[0])) or len(before) > WORD_CHARS


def is_word(char: str) -> bool:
    return char.isalnum() and not "\u4e00" <= char <= "\u9fff"
