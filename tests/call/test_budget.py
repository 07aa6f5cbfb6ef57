"""A call that has cost as much as it may: what is under way is finished, she says goodbye, and it ends."""

from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    Account,
    BeginReply,
    BudgetSpent,
    CancelReply,
    CloseEars,
    DrainAsked,
    Effect,
    Fault,
    Guess,
    HangUp,
    Heard,
    HungUp,
    Joined,
    ReplyEnded,
    Say,
    TakeLeave,
    Told,
)
from backend.ports import Hypothesis
from backend.protocol.events import BotInterrupt, CallConfig, UserText

GOODBYE = "我得挂啦。"
WORDS = "this call has cost as much as a call may; please call again"
LAST = [Say("TTSDone"), Say("BotError", {"error": {"code": "Busy", "message": WORDS}})]


def joined(config: CallConfig | None = None) -> Call:
    call = Call("sid", CallLimits(), config or CallConfig())
    call.handle(Joined(), now=0.0)
    return call


def told(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, Say | HangUp | TakeLeave | BeginReply)]


def test_a_reply_under_way_is_finished_before_the_goodbye() -> None:
    call = joined()
    call.handle(Told(UserText("你好")), now=1.0)

    assert call.handle(BudgetSpent(), now=2.0) == []
    effects = call.handle(ReplyEnded(1, "嗯。"), now=3.0)

    assert told(effects) == [Say("TTSDone"), TakeLeave(2, CallConfig())]
    assert effects[-2:] == [CloseEars(), TakeLeave(2, CallConfig())]


def test_a_call_that_is_idle_hears_the_goodbye_at_once() -> None:
    call = joined()

    assert call.handle(BudgetSpent(), now=2.0) == [CloseEars(), TakeLeave(1, CallConfig())]


def test_who_is_speaking_may_finish_but_is_not_answered() -> None:
    call = joined()
    call.handle(Heard(1, Hypothesis("你知道吗，", False, 400, 400)), now=0.4)

    assert call.handle(BudgetSpent(), now=0.5) == []
    effects = call.handle(Heard(1, Hypothesis("你知道吗，我到了。", True, 800, 1600)), now=1.6)

    assert told(effects) == [TakeLeave(1, CallConfig())]
    assert not any(isinstance(effect, Guess) for effect in effects)


def test_after_the_goodbye_the_call_ends() -> None:
    call = joined()
    call.handle(BudgetSpent(), now=2.0)

    effects = call.handle(ReplyEnded(1, GOODBYE), now=4.0)

    assert told(effects) == [*LAST, HangUp(1000, "Busy")]
    assert Account(1) in effects
    assert call.state is State.ENDED
    assert call.history[-1].text == GOODBYE


def test_a_goodbye_that_fails_ends_the_call_all_the_same() -> None:
    call = joined()
    call.handle(BudgetSpent(), now=2.0)

    effects = call.handle(ReplyEnded(1, "", Fault("TTSFailed", "no voice")), now=4.0)

    assert told(effects)[-1] == HangUp(1000, "Busy")


def test_who_interrupts_the_goodbye_or_types_into_it_ends_the_call() -> None:
    for event in (BotInterrupt(), UserText("等等")):
        call = joined(CallConfig(barge_in=True))
        call.handle(BudgetSpent(), now=2.0)

        effects = call.handle(Told(event), now=2.5)

        assert CancelReply(1) in effects
        assert told(effects)[-1] == HangUp(1000, "Busy")
        assert not any(isinstance(effect, BeginReply) for effect in effects)


def test_a_server_that_stops_does_not_keep_a_call_for_its_goodbye() -> None:
    call = joined()
    call.handle(Told(UserText("你好")), now=1.0)
    call.handle(BudgetSpent(), now=2.0)
    call.handle(DrainAsked(), now=2.0)

    assert told(call.handle(ReplyEnded(1, "嗯。"), now=3.0))[-1] == HangUp(1012, "ShuttingDown")


def test_a_client_that_is_gone_is_told_nothing() -> None:
    call = joined()
    call.handle(HungUp(), now=1.0)

    assert call.handle(BudgetSpent(), now=2.0) == []
