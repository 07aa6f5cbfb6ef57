"""How the chat model is asked what to remember."""

from pathlib import Path

import pytest

from backend.persona import Card, load
from backend.persona.recap import recalled, recap
from backend.ports import Message
from tests.persona.small import SMALL, write_card

SAID = (Message("user", "我叫小明，\n在杭州。"), Message("assistant", "小明你好！"))


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return load(write_card(tmp_path_factory.mktemp("card")))


def test_it_is_asked_in_the_card_s_language_with_the_notes_so_far_and_who_said_what(card: Card) -> None:
    task, text = recap(card, "来电者喜欢唱歌。", SAID, 400)

    assert (task.role, text.role) == ("system", "user")
    assert "不超过320个字" in task.text
    assert text.text == (
        "已有的笔记：\n来电者喜欢唱歌。\n\n之后说的话：\n来电者: 我叫小明， 在杭州。\n" + card.name + ": 小明你好！"
    )


def test_the_first_time_there_are_no_notes(card: Card) -> None:
    assert "（还没有）" in recap(card, "", SAID, 400)[1].text


def test_an_english_card_is_asked_in_english(tmp_path: Path) -> None:
    english = load(write_card(tmp_path, SMALL.replace("zh-CN", "en-GB")))

    task, text = recap(english, "", (Message("user", "I'm Tom."),), 400)

    assert "no more than 1120 characters" in task.text
    assert text.text.endswith("The caller: I'm Tom.")


def test_what_is_in_braces_is_only_text(card: Card) -> None:
    assert "{name}" in recap(card, "{name}", (Message("user", "{chars}"),), 400)[1].text
    assert "{summary}" in recalled(card, "{summary}")[0].text
