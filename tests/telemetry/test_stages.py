"""A turn cut into stages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.marks import TurnMarks
from backend.telemetry.stages import STAGES, stages

ON_THE_WAY = [end for _, end in STAGES.values()]


def test_a_stage_whose_end_was_not_reached_is_left_out() -> None:
    marks = TurnMarks(0.0, at={"endpoint": 0.8, "request_sent": 0.81, "llm_first_token": 1.2, "done": 2.0})

    assert {stage: round(seconds, 3) for stage, seconds in stages(marks)} == {
        "endpoint": 0.8,
        "handover": 0.01,
        "llm": 0.39,
    }


def test_a_request_that_was_sent_on_a_guess_makes_no_negative_stage() -> None:
    marks = TurnMarks(0.0, at={"request_sent": 0.3, "endpoint": 0.5})

    assert dict(stages(marks)) == {"endpoint": 0.5, "handover": 0.0}


@given(st.lists(st.floats(0, 100), min_size=len(ON_THE_WAY), max_size=len(ON_THE_WAY)))
def test_the_stages_of_a_turn_add_up_to_the_way_to_its_first_sound(moments: list[float]) -> None:
    at = dict(zip(ON_THE_WAY, sorted(moments), strict=True))

    assert sum(seconds for _, seconds in stages(TurnMarks(0.0, at=at))) == pytest.approx(at["first_audio"])
