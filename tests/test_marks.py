"""The timings of a turn as it tells them."""

from itertools import count

from backend.marks import TurnMarks


def marks() -> TurnMarks:
    """Speech ended at 10 s; each mark that is set now comes 100 ms after the one before."""
    ticks = count(101)
    return TurnMarks(10.0, lambda: next(ticks) / 10)


def test_marks_count_from_the_end_of_speech_in_the_order_of_a_turn() -> None:
    turn = marks()
    turn.set("endpoint")
    turn.set("asr_final", 10.05)
    turn.set("done")

    assert turn.metrics() == {"asr_final": 50, "endpoint": 100, "done": 200, "usage": {}}
    assert list(turn.metrics()) == ["asr_final", "endpoint", "done", "usage"]


def test_only_the_first_time_counts() -> None:
    turn = marks()
    turn.set("first_audio")
    turn.set("first_audio")

    assert turn.in_ms() == {"first_audio": 100}


def test_usage_adds_up() -> None:
    turn = marks()
    turn.spend(prompt_tokens=10, completion_tokens=5)
    turn.spend(prompt_tokens=1)

    assert turn.metrics() == {"usage": {"prompt_tokens": 11, "completion_tokens": 5}}


def test_the_outcome_is_what_ended_the_turn_first() -> None:
    assert marks().outcome == "answered"
    assert TurnMarks(0.0, failure="LLMTimeout").outcome == "failed"
    assert TurnMarks(0.0, failure="LLMTimeout", cut_off="interrupted").outcome == "interrupted"
    assert TurnMarks(0.0, cut_off="hung_up").outcome == "hung_up"
