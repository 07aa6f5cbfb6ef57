"""A reply's sound leaves with a lead, then at real time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.pacing import Pacer


def test_the_lead_leaves_at_once_and_the_rest_in_real_time() -> None:
    pacer = Pacer(300)
    due = []
    for _ in range(6):
        due.append(pacer.due(10.0))
        pacer.sent(100, max(10.0, due[-1]))

    assert due == pytest.approx([10.0, 10.0, 10.0, 10.0, 10.1, 10.2])


def test_an_ear_that_ran_dry_gets_its_lead_again() -> None:
    pacer = Pacer(300)
    pacer.sent(100, 0.0)  # heard at 0.1

    pacer.sent(100, 2.0)

    assert pacer.due(2.0) == 2.0
    pacer.sent(400, 2.0)
    assert pacer.due(2.0) == pytest.approx(2.2)


@given(st.lists(st.floats(1, 500), min_size=1, max_size=50), st.floats(0, 1000))
def test_never_more_than_the_lead_and_one_piece_is_ahead_of_the_ear(pieces: list[float], lead_ms: float) -> None:
    pacer, now, sent_ms = Pacer(lead_ms), 0.0, 0.0
    for piece_ms in pieces:
        now = pacer.due(now)
        assert sent_ms - now * 1000 <= lead_ms + 1e-6
        pacer.sent(piece_ms, now)
        sent_ms += piece_ms
