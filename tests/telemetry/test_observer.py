"""Several observers as one."""

from backend.marks import TurnMarks
from backend.telemetry.observer import Observers, Refusal, TurnReport
from tests.telemetry.observed import Notebook


class Clumsy(Notebook):
    def call_refused(self, reason: Refusal) -> None:
        raise RuntimeError(reason)


def test_each_is_told_and_one_that_fails_keeps_nothing_from_the_others() -> None:
    clumsy, careful = Clumsy(), Notebook()
    observers = Observers([clumsy, careful])
    report = TurnReport(1, TurnMarks(0.0))

    observers.call_began("call", "sid")
    observers.turn_done("call", report)
    observers.call_ended("call")
    observers.call_refused("full")

    assert careful == Notebook(["sid"], ["full"], [report], 1)
    assert clumsy == Clumsy(["sid"], [], [report], 1)
