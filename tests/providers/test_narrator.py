"""Making speech items of what a service tells."""

import re

from hypothesis import given
from hypothesis import strategies as st

from backend.ports import SentenceBegan, SentenceEnded, Sound, SpeechItem
from backend.providers.narrator import Narrator

SAID = "今天天气不错。我们去公园吧！好不好？"
STEPS = st.lists(
    st.sampled_from(
        [("begin", ""), ("begin", "我们去公园吧！"), ("end", ""), ("sound", "x"), ("sound", ""), ("all", "")]
    )
)


def narrator() -> Narrator:
    told = Narrator()
    told.said(SAID)
    return told


@given(STEPS)
def test_whatever_comes_each_sentence_has_a_beginning_sound_and_an_end(steps: list[tuple[str, str]]) -> None:
    told, items = narrator(), list[SpeechItem]()
    for step, text in steps:
        match step:
            case "begin":
                items += told.begin(text)
            case "all":
                items += told.begin_all()
            case "sound":
                items += told.sound(text.encode())
            case _:
                items += told.end()
    items += told.end()

    shape = "".join(type(item).__name__[8:9] if not isinstance(item, Sound) else "s" for item in items)
    assert re.fullmatch("(Bs+E)*", shape)


def test_a_sentence_that_makes_no_sound_is_not_announced() -> None:
    told = narrator()

    assert [*told.begin("今天天气不错。"), *told.begin("我们去公园吧！"), *told.sound(b"x"), *told.end()] == [
        SentenceBegan("我们去公园吧！"),
        Sound(b"x"),
        SentenceEnded(),
    ]


def test_where_the_service_names_no_text_the_next_sentence_of_what_was_said_is_announced() -> None:
    told = narrator()
    items = [item for _ in range(3) for item in (*told.begin(""), *told.sound(b"x"))]

    assert [item.text for item in items if isinstance(item, SentenceBegan)] == [
        "今天天气不错。",
        "我们去公园吧！",
        "好不好？",
    ]
    assert told.has_told_all


def test_a_service_that_names_no_sentences_speaks_one() -> None:
    told = narrator()

    assert [*told.begin_all(), *told.sound(b"x")][0] == SentenceBegan(SAID)
