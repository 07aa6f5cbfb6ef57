"""The cards that come with the server, as far as they can be judged without a model."""

import re

import pytest

from backend.call.speakable import speakable
from backend.persona import Card, Prompts, Shelf
from backend.persona.card import AVATARS
from backend.persona.shelf import CARDS

IDS = sorted(path.stem for path in CARDS.glob("*.yaml"))
ASSISTANT_PHRASES = re.compile(
    r"作为一[个名]|语言模型|为您|请问您|有什么可以帮|很高兴为|综上|总而言之|首先.*其次"
    r"|as an ai|language model|how can i (help|assist)|happy to (help|assist)|feel free to|in conclusion",
    re.IGNORECASE,
)


@pytest.fixture(params=IDS)
def card(request: pytest.FixtureRequest) -> Card:
    return Shelf().open(request.param)


def lines(card: Card) -> list[str]:
    """Everything she may be heard to say."""
    said = [example.answer for example in card.examples]
    return [*said, card.idle_prompt, card.fallback, card.goodbye, *([card.greeting] if card.greeting else [])]


def test_a_card_has_enough_to_talk_from(card: Card) -> None:
    assert len(card.examples) >= 40


def test_no_answer_is_given_twice(card: Card) -> None:
    assert len(set(lines(card))) == len(lines(card))


def test_every_line_is_spoken_as_it_is_written(card: Card) -> None:
    assert [line for line in lines(card) if speakable(line) != line] == []


def test_answers_are_short(card: Card) -> None:
    longest = 80 if card.language.startswith("zh") else 260

    assert [
        line for line in lines(card) if len(line) > longest or len(re.findall(r"[。！？!?]|\.(?=\s|$)", line)) > 4
    ] == []


def test_nobody_talks_like_an_assistant(card: Card) -> None:
    assert [line for line in lines(card) if ASSISTANT_PHRASES.search(line)] == []


def test_numbers_are_said_in_words(card: Card) -> None:
    assert [line for line in lines(card) if re.search(r"[0-9]", line)] == []


def test_some_answers_throw_the_ball_back_and_some_do_not(card: Card) -> None:
    asking = sum(line.rstrip().endswith(("？", "?")) for line in lines(card))

    assert 0.25 < asking / len(lines(card)) < 0.75


def test_callers_speak_as_a_recogniser_writes(card: Card) -> None:
    asked = [line for example in card.examples for line in example.caller]

    assert [line for line in asked if not line.endswith(("。", "？", "！", ".", "?", "!"))] == []


def test_examples_keep_what_the_cards_own_tests_ask(card: Card) -> None:
    for check in card.tests:
        answers = [example.answer for example in card.examples if set(example.caller) & set(check.asks)]
        assert [a for a in answers if any(word in a for word in check.must_not)] == []
        assert [a for a in answers if check.must and not any(word in a for word in check.must)] == []


def test_a_card_tests_itself_on_examples_that_exist(card: Card) -> None:
    asked = {line for example in card.examples for line in example.caller}

    assert sum(bool(set(check.asks) & asked) for check in card.tests) >= 4


def test_her_voice_is_offered_by_name_for_every_provider(card: Card) -> None:
    for provider in ("volcengine", "dashscope", "emulator"):
        assert card.voices_for(provider)[0].id == card.voice_for(provider)
        assert card.voices_for(provider)[0].name != card.name


def test_the_picture_is_there(card: Card) -> None:
    assert Shelf().avatar(card.id).parent == AVATARS


def test_the_model_is_told_who_it_is(card: Card) -> None:
    system = Prompts().messages(card, (), "hi")[0]

    assert system.role == "system"
    assert all(part in system.text for part in (card.name, card.character, card.style, card.boundaries))


def test_cards_are_strangers_to_each_other() -> None:
    cards = [Shelf().open(persona_id) for persona_id in IDS]

    for attribute in ("name", "avatar", "language", "voice"):
        assert len({str(getattr(card, attribute)) for card in cards}) == len(cards), attribute
