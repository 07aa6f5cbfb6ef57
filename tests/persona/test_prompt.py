"""What a chat model is given."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.persona import Card, load, messages
from backend.ports import Message
from tests.persona.small import SMALL, write_card

FEW_SHOT = (
    Message("user", "你好。\n喂。"),
    Message("assistant", "你好呀。"),
    Message("user", "再见。"),
    Message("assistant", "拜拜。"),
)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return load(write_card(tmp_path_factory.mktemp("card")))


def test_system_then_examples_then_history_then_now(card: Card) -> None:
    history = (Message("user", "在吗？"), Message("assistant", "在呢。"))

    given_to_model = messages(card, history, "你叫什么？", max_history=20)

    assert given_to_model[0].role == "system"
    assert given_to_model[1:] == (*FEW_SHOT, *history, Message("user", "你叫什么？"))


def test_the_oldest_of_the_history_falls_out(card: Card) -> None:
    history = [Message("user", str(n)) for n in range(9)]

    assert messages(card, history, "x", max_history=2)[-3:-1] == tuple(history[-2:])
    assert messages(card, history, "x", max_history=0)[-2] == FEW_SHOT[-1]


def test_a_card_in_english_has_english_headings(tmp_path: Path) -> None:
    english = load(write_card(tmp_path, SMALL.replace("zh-CN", "en-GB")))

    assert "How you talk\nShort." in messages(english, (), "x", max_history=1)[0].text


def test_a_latin_name_is_told(tmp_path: Path) -> None:
    named = load(write_card(tmp_path, SMALL.replace("name: Mei", "name: 梅\nname_latin: Mei")))

    assert "梅 (Mei)" in messages(named, (), "x", max_history=1)[0].text


lines = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), st.text()), max_size=30)


@given(lines, st.text(), st.integers(0, 40))
def test_what_comes_before_the_history_never_changes(card: Card, history: list[Message], text: str, most: int) -> None:
    prefix = messages(card, (), "", max_history=0)[:-1]

    given_to_model = messages(card, history, text, max_history=most)

    assert given_to_model[: len(prefix)] == prefix
    assert len(given_to_model) == len(prefix) + min(most, len(history)) + 1
