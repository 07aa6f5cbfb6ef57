"""Server-sent events are the same however the bytes were cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.providers.event_stream import EventStream

LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)


def pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(at)]


@given(
    st.lists(st.lists(LINE, min_size=1, max_size=3), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 1000), max_size=8),
)
def test_events_come_whole_however_they_are_cut(events: list[list[str]], newline: str, cuts: list[int]) -> None:
    sent = "".join("".join(f"data: {line}{newline}" for line in lines) + newline for lines in events)
    stream = EventStream()

    got = [data for piece in pieces((sent + ":end\n").encode(), cuts) for data in stream.feed(piece)]

    assert got == ["\n".join(lines).encode() for lines in events]


@pytest.mark.parametrize(
    ("sent", "data"),
    [
        (b"data:1\n\n", [b"1"]),
        (b": a comment\nid: 7\nevent: message\nretry: 10\ndata: 1\n\n", [b"1"]),
        (b"data: a\xe2\x80\xa8b\n\n", ["a\u2028b".encode()]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"\n\n\ndata: 1\n\n\n\n", [b"1"]),
        (b"data: 1\n", []),
        (b"event: nothing\n\n", []),
    ],
)
def test_what_counts_as_an_event(sent: bytes, data: list[bytes]) -> None:
    assert EventStream().feed(sent) == data
