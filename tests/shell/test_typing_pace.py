"""A typed utterance begins a turn: not hundreds in a second."""

from hypothesis import given
from hypothesis import strategies as st

from backend.shell.intake import TypingPace


def test_some_may_come_at_once_and_then_one_by_one() -> None:
    pace = TypingPace(per_s=2, at_once=3)

    assert [pace.wait_s(10.0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    assert pace.wait_s(20.0) == 0


@given(st.lists(st.floats(0, 5)))
def test_however_they_come_no_more_begin_than_the_pace_allows(gaps: list[float]) -> None:
    pace, now, begun = TypingPace(per_s=2, at_once=3), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += pace.wait_s(now)  # who reads them waits
        begun.append(now)

    for start, at in enumerate(begun):
        assert len([other for other in begun[start:] if other - at < 1.0 - 1e-6]) <= 3 + 2
