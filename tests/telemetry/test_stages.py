"""A turn cut into stages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.marks import TurnMarks
from backend.telemetry.stages import STAGES, stages

ON_THE_WAY = list(STAGES.values())


def test_a_stage_whose_end_was_not_reached_is_left_out() -> None:
    marks = TurnMarks(0.0, at={"endpoint": 0.8, "request_sent": 0.81, "llm_first_token": 1.2, "done": 2.0})

    assert {stage: round(seconds, 3) for stage, seconds in stages(marks)} == {
        "endpoint": 0.8,
        "handover": 0.01,
        "llm": 0.39,
    }


def test_what_was_done_ahead_was_not_waited_for() -> None:
    marks = TurnMarks(0.0, at={"request_sent": 0.25, "endpoint": 0.5, "llm_first_token": 0.75})

    assert dict(stages(marks)) == {"endpoint": 0.5, "handover": 0.0, "llm": 0.25}


def test_a_typed_utterance_has_no_endpoint_to_wait_for() -> None:
    assert dict(stages(TurnMarks(10.0, at={"request_sent": 10.25}))) == {"handover": 0.25}


@given(st.permutations(range(len(ON_THE_WAY) - 1)))
def test_the_stages_of_a_turn_add_up_to_the_way_to_its_first_sound(moments: list[int]) -> None:
    """In whatever order the marks before it were set."""
    at = dict(zip(ON_THE_WAY, map(float, (*moments, len(moments))), strict=True))

    assert sum(seconds for _, seconds in stages(TurnMarks(0.0, at=at))) == pytest.approx(at["first_audio"])
