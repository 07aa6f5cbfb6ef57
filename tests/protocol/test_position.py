"""What a client that comes back names: a frame, and the call that it was of."""

from hypothesis import given
from hypothesis import strategies as st

from backend.protocol.position import Bookmark, Position, parse_bookmark

COUNTS = st.integers(0, 999_999_999)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{8,64}", fullmatch=True)


@given(COUNTS, COUNTS, NAMES)
def test_a_bookmark_is_read_as_it_is_written(turn: int, frame: int, call: str) -> None:
    place = Position(turn, frame)
    assert parse_bookmark(f"{place}:{call}") == Bookmark(place, call)
    assert parse_bookmark(str(place)) == Bookmark(place)


def test_nothing_else_is_a_bookmark() -> None:
    for text in (
        "",
        "1",
        ":",
        "1:",
        ":1",
        "-1:1",
        "1:1:",
        "1:1:1234567",
        "1:1:" + "a" * 65,
        "1:1:12345678:12345678",
        "1:1:1234567é",
        "1:1:12345678\n",
        "1:1000000000",
        "x:y",
        "1:1 ",
        "\N{ARABIC-INDIC DIGIT ONE}:1",
    ):
        assert parse_bookmark(text) is None, text


@given(NAMES, NAMES)
def test_a_bookmark_is_in_the_call_that_it_names_and_in_no_other(one: str, other: str) -> None:
    assert Bookmark(Position(), one).is_in(other) == (one == other)
    assert not Bookmark(Position()).is_in(one)


def test_the_name_of_a_call_is_in_no_log() -> None:
    assert "secret-name" not in repr(Bookmark(Position(1, 2), "secret-name"))
