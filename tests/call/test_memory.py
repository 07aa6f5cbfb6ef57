"""A call folds what was said long ago into a summary, between its turns."""

from hypothesis import given
from hypothesis import strategies as st

from backend.call.history import HistoryLimits
from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    BeginReply,
    CallEvent,
    DrainAsked,
    DropFold,
    Effect,
    Fold,
    Folded,
    Guess,
    Heard,
    Joined,
    KeepSummary,
    Reached,
    ReplyEnded,
    Say,
    Sensed,
    Tick,
    Told,
)
from backend.past import headed
from backend.ports import Hypothesis, Message
from backend.protocol.events import BotInterrupt, CallConfig, UserText

LIMITS = CallLimits(idle_s=60.0, ask_before_s=20.0, history=HistoryLimits(4, 2000, 100))
"""Folded after the second turn, down to one."""


def joined(config: CallConfig | None = None) -> Call:
    call = Call("sid-1", LIMITS, config or CallConfig())
    call.handle(Joined(), now=0.0)
    return call


def turn(call: Call, now: float) -> list[Effect]:
    """A whole turn; what came of its end."""
    call.handle(Told(UserText(f"问{call.turn + 1}")), now=now)
    return call.handle(ReplyEnded(call.turn, f"答{call.turn}"), now=now + 1)


def after_two_turns(config: CallConfig | None = None) -> tuple[Call, Fold]:
    call = joined(config)
    turn(call, 1.0)
    [fold] = [effect for effect in turn(call, 3.0) if isinstance(effect, Fold)]
    return call, fold


def test_it_begins_when_the_turn_is_over_and_the_caller_may_speak() -> None:
    call = joined(CallConfig(persona="mei"))
    assert not [effect for effect in turn(call, 1.0) if isinstance(effect, Fold)]

    effects = turn(call, 3.0)

    assert effects[-2:] == [Say("TTSDone"), Fold(1, "", (Message("user", "问1"), Message("assistant", "答1")), "mei")]


def test_the_summary_is_what_the_next_turn_sees_in_place_of_what_it_holds() -> None:
    call, fold = after_two_turns()

    assert call.handle(Folded(fold.number, "说过问1。"), now=4.5) == [KeepSummary("说过问1。", newer=2)]
    effects = call.handle(Told(UserText("问3")), now=5.0)

    [begin] = [effect for effect in effects if isinstance(effect, BeginReply)]
    assert begin.history == headed("说过问1。", (Message("user", "问2"), Message("assistant", "答2")))


def test_a_turn_that_begins_stops_it_first() -> None:
    call, fold = after_two_turns()

    effects = call.handle(Told(UserText("问3")), now=5.0)

    kinds = [type(effect) for effect in effects]
    assert DropFold(fold.number) in effects
    assert kinds.index(DropFold) < kinds.index(BeginReply)
    assert call.handle(Folded(fold.number, "too late"), now=5.1) == []


def test_so_does_a_guess() -> None:
    call, fold = after_two_turns()
    ears = call.turn + 1
    call.handle(Sensed(ears, speaking=True, at_ms=100), now=5.0)
    call.handle(Heard(ears, Hypothesis("你吃了吗", definite=False, end_ms=900, audio_ms=900)), now=5.8)
    call.handle(Sensed(ears, speaking=False, at_ms=920), now=5.9)

    effects = call.handle(Reached(ears, 1050), now=6.0)

    assert [type(effect) for effect in effects if isinstance(effect, DropFold | Guess)] == [DropFold, Guess]
    assert DropFold(fold.number) in effects


def test_the_question_into_a_silence_asks_no_model_and_lets_it_go_on() -> None:
    call, fold = after_two_turns()

    assert not [effect for effect in call.handle(Tick(), now=44.0) if isinstance(effect, DropFold)]
    assert call.state is State.IN_PROCESS
    assert call.handle(Folded(fold.number, "说过问1。"), now=44.5) == [KeepSummary("说过问1。", newer=2)]


def test_a_call_that_ends_begins_none() -> None:
    call = joined()
    turn(call, 1.0)
    call.handle(Told(UserText("问2")), now=3.0)
    call.handle(DrainAsked(), now=3.5)

    assert not [effect for effect in call.handle(ReplyEnded(2, "答2"), now=4.0) if isinstance(effect, Fold)]


def test_an_answer_to_an_earlier_request_is_none_to_the_present_one() -> None:
    call, first = after_two_turns()
    [second] = [effect for effect in turn(call, 5.0) if isinstance(effect, Fold)]

    assert call.handle(Folded(first.number, "too late"), now=6.5) == []
    assert call.handle(Folded(second.number, "说过。"), now=6.6) == [KeepSummary("说过。", newer=2)]


def test_a_reply_that_was_stopped_by_hand_is_an_end_like_any_other() -> None:
    call = joined()
    turn(call, 1.0)
    call.handle(Told(UserText("问2")), now=3.0)

    assert [type(effect) for effect in call.handle(Told(BotInterrupt()), now=4.0)][-1] is Fold


steps = st.sampled_from(["typed", "ended", "stopped", "folded", "failed", "tick"])


@given(st.lists(steps, max_size=60))
def test_in_any_order_one_request_runs_at_most_and_none_while_a_turn_asks_the_model(steps: list[str]) -> None:
    call, now = joined(), 0.0
    asked: int | None = None
    for step in steps:
        now += 7.0
        number = asked or 0
        if step in ("folded", "failed"):
            asked = None
        news: dict[str, CallEvent] = {
            "typed": Told(UserText("问")),
            "ended": ReplyEnded(call.turn, "答"),
            "stopped": Told(BotInterrupt()),
            "folded": Folded(number, "记得。"),
            "failed": Folded(number, None),
            "tick": Tick(),
        }
        for effect in call.handle(news[step], now):
            match effect:
                case Fold(number):
                    assert asked is None
                    asked = number
                case DropFold(number):
                    assert number == asked
                    asked = None
                case BeginReply():
                    assert asked is None
