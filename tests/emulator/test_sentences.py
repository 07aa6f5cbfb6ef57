"""Where the synthesis service cuts a text that comes in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.sentences import SentenceCutter, WholeCharacters


def cut(*pieces: str) -> list[str]:
    cutter = SentenceCutter()
    whole = [sentence for piece in pieces for sentence in cutter.feed(piece)]
    return [*whole, *cutter.flush()]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("你好。再见！", ["你好。", "再见！"]),
        ("真的？！好吧……那走", ["真的？！", "好吧……", "那走"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("It is 3.5 m. Really? Yes", ["It is 3.5 m.", "Really?", "Yes"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("……好的。", ["……好的。"]),
        ("。！…", []),
        ("  ", []),
        ("", []),
    ],
)
def test_a_text_is_cut_at_the_ends_of_its_sentences(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_a_sentence_is_given_as_soon_as_it_ends() -> None:
    assert SentenceCutter().feed("你好。今天") == ["你好。"]


def test_a_full_stop_waits_for_what_follows() -> None:
    cutter = SentenceCutter()

    assert cutter.feed("It costs 3.") == []
    assert cutter.feed("5 yuan. ") == ["It costs 3.5 yuan."]


def test_a_sentence_without_an_end_is_cut_at_a_pause() -> None:
    assert cut("好，" * 100) == ["好，" * 60, "好，" * 40]


@given(st.lists(st.text(alphabet="你好a1。！？.,， \n”…", max_size=200), max_size=8))
def test_nothing_readable_is_lost_or_said_twice(pieces: list[str]) -> None:
    def readable(text: str) -> str:
        return "".join(char for char in text if char.isalnum())

    sentences = cut(*pieces)

    assert readable("".join(sentences)) == readable("".join(pieces))
    assert all(readable(sentence) and len(sentence) <= 130 for sentence in sentences)


@given(st.text(st.sampled_from("好\U0001f600a"), max_size=6), st.integers(1, 4))
def test_characters_whose_halves_come_apart_are_whole_again(text: str, size: int) -> None:
    halves = text.encode("utf-16-le")
    units = [halves[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(halves), 2)]
    pieces = ["".join(units[at : at + size]) for at in range(0, len(units), size)]
    whole = WholeCharacters()

    assert "".join(whole.feed(piece) for piece in pieces) + whole.flush() == text


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=4), max_size=4))
def test_half_a_character_never_comes_out(pieces: list[str]) -> None:
    whole = WholeCharacters()

    ("".join(whole.feed(piece) for piece in pieces) + whole.flush()).encode()


def test_a_half_that_stays_alone_gives_way_to_the_sign_for_it() -> None:
    whole = WholeCharacters()

    assert [whole.feed("好\ud83d"), whole.feed("好\ude00"), whole.feed("\ud83d"), whole.flush()] == [
        *("好", "\ufffd好\ufffd", "", "\ufffd"),
    ]
