"""When an utterance is over."""

from backend.call.turn_end import Endpointer, EndpointLimits
from backend.ports import Hypothesis

LIMITS = EndpointLimits()


def test_a_complete_text_is_over_after_the_short_hold() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 200)
    endpointer.hear(Hypothesis("你吃饭了吗", definite=False, end_ms=1400, audio_ms=1500))
    endpointer.sense(False, 1400)

    assert endpointer.wake_at_ms == 1600
    endpointer.reach(1699)
    assert not endpointer.is_over
    endpointer.reach(1700)
    assert endpointer.is_over
    assert endpointer.speech_end_ms == 1400


def test_a_connective_keeps_the_turn_open() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 200)
    endpointer.hear(Hypothesis("我想去因为。", definite=True, end_ms=1400, audio_ms=2300))
    endpointer.sense(False, 1400)

    endpointer.reach(2599)
    assert not endpointer.is_over
    endpointer.reach(2600)
    assert endpointer.is_over
