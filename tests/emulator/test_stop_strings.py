"""An answer ends at the first stop string, however it comes in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.stop_strings import StopStrings

letters = st.text("ab\n", max_size=6)


@given(st.lists(letters, max_size=8), st.lists(letters, max_size=4))
def test_pieces_tell_what_the_whole_says_up_to_the_first_stop_string(pieces: list[str], strings: list[str]) -> None:
    stop, told = StopStrings(strings), ""
    for piece in pieces:
        told += stop.feed(piece)
        if stop.reached:
            break
    told += stop.rest()

    text = "".join(pieces)
    ends = {string: text.find(string) + len(string) for string in strings if string and string in text}
    first = min(ends.values(), default=0)
    if not ends:
        assert told == text
    else:
        assert stop.reached
        assert not any(string in told for string in ends)
        assert any(text.startswith(told + string) for string in ends)
        assert len(told) < first


def test_nothing_is_held_back_that_cannot_begin_a_stop_string() -> None:
    stop = StopStrings(["END"])

    assert [stop.feed(token) for token in ("你好E", "N", "G", "EN", "D了")] == ["你好", "", "ENG", "", ""]
    assert stop.reached
