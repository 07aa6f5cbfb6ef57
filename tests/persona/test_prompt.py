"""What a chat model is given."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.past import headed
from backend.persona import Card, Prompts, load
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


def messages(card: Card, past: Sequence[Message], text: str) -> tuple[Message, ...]:
    return Prompts().messages(card, past, text)


def test_system_then_examples_then_history_then_now(card: Card) -> None:
    history = (Message("user", "在吗？"), Message("assistant", "在呢。"))

    given_to_model = messages(card, history, "你叫什么？")

    assert given_to_model[0].role == "system"
    assert given_to_model[1:] == (*FEW_SHOT, *history, Message("user", "你叫什么？"))


def test_what_is_remembered_stands_between_the_examples_and_the_history(card: Card) -> None:
    history = (Message("user", "在吗？"), Message("assistant", "在呢。"))

    given_to_model = messages(card, headed("来电者叫小明。", history), "你叫什么？")

    assert given_to_model[1:5] == FEW_SHOT
    notes, yes = given_to_model[5:7]
    assert (notes.role, yes.role) == ("user", "assistant")
    assert "\n来电者叫小明。\n" in notes.text
    assert given_to_model[7:] == (*history, Message("user", "你叫什么？"))


def test_where_she_spoke_unasked_the_caller_s_silence_stands(card: Card) -> None:
    history = (Message("assistant", "喂？"), Message("assistant", "人呢？"), Message("user", "在"))

    assert [message.text for message in messages(card, history, "x")[5:]] == ["…", "喂？", "…", "人呢？", "在", "x"]


def test_the_beginning_is_made_once_a_card(card: Card, tmp_path: Path) -> None:
    prompts = Prompts()
    first, again = prompts.messages(card, (), "x"), prompts.messages(card, (), "y")
    reloaded = prompts.messages(load(write_card(tmp_path, SMALL.replace("Short.", "Long."))), (), "x")

    assert first[0] is again[0]
    assert "Long." in reloaded[0].text


def test_a_card_in_english_has_english_headings_and_an_english_memory(tmp_path: Path) -> None:
    english = load(write_card(tmp_path, SMALL.replace("zh-CN", "en-GB")))

    told = messages(english, headed("He is Tom.", ()), "x")

    assert "How you talk\nShort." in told[0].text
    assert told[-3].text.startswith("(The caller did not say this.")


def test_a_latin_name_is_told(tmp_path: Path) -> None:
    named = load(write_card(tmp_path, SMALL.replace("name: Mei", "name: 梅\nname_latin: Mei")))

    assert "梅 (Mei)" in messages(named, (), "x")[0].text


lines = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), st.text()), max_size=30)


@given(lines, st.text(), st.sampled_from(["", "记得"]))
def test_what_comes_before_the_history_never_changes_and_she_never_speaks_twice_in_a_row(
    card: Card, history: list[Message], text: str, summary: str
) -> None:
    prefix = messages(card, (), "")[:-1]

    given_to_model = messages(card, headed(summary, history), text)

    assert given_to_model[: len(prefix)] == prefix
    assert given_to_model[-1] == Message("user", text)
    roles = [message.role for message in given_to_model]
    assert ("assistant", "assistant") not in list(pairwise(roles))
    said = [message for message in given_to_model[len(prefix) + 2 * bool(summary) : -1] if message.text != "…"]
    assert said == [message for message in history if message.text != "…"]
