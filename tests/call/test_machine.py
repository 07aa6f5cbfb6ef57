"""One call, decision by decision, and what must hold in any order of events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    Account,
    AskIfThere,
    BeginReply,
    BudgetSpent,
    CallEvent,
    CancelReply,
    CloseEars,
    DrainAsked,
    DropGuess,
    EarsClosed,
    Effect,
    Fault,
    Guess,
    HangUp,
    Heard,
    HungUp,
    Joined,
    Malformed,
    OpenEars,
    Reached,
    Remember,
    ReplyEnded,
    Say,
    Sensed,
    SentenceSent,
    SoundSent,
    SpeechEnd,
    TakeLeave,
    TakenUp,
    Tick,
    Told,
    WakeAt,
)
from backend.ports import Hypothesis, Message
from backend.protocol.events import BotInterrupt, CallConfig, ConfigUpdate, PlaybackPosition, UserText

LIMITS = CallLimits()
EARS_1 = 1
RETRY_S = LIMITS.listening.retry_s


def hypothesis(text: str, *, definite: bool = False, audio_ms: int = 1000) -> Hypothesis:
    """A definite one comes when the longest usual silence has been waited for."""
    return Hypothesis(text, definite, end_ms=max(1, audio_ms - 800) if definite else audio_ms, audio_ms=audio_ms)


def joined(config: CallConfig | None = None, history: Sequence[Message] = ()) -> Call:
    call = Call("sid-1", LIMITS, config or CallConfig())
    call.handle(Joined(history), now=0.0)
    return call


def speaking(*sentences: str, config: CallConfig | None = None) -> Call:
    """A call whose first turn is under way, with these sentences sent."""
    call = joined(config)
    call.handle(Heard(EARS_1, hypothesis("你好", definite=True)), now=1.0)
    for sentence in sentences:
        call.handle(SentenceSent(1, sentence), now=2.0)
        call.handle(SoundSent(1, 250.0 * len(sentence)), now=2.0)
    return call


def said(effects: Sequence[Effect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Say)]


def test_joining_opens_the_ears_and_then_says_that_the_call_can_begin() -> None:
    call = Call("sid-1", LIMITS, CallConfig())

    assert call.handle(Joined(()), now=0.0) == [OpenEars(1, keep_audio=True), Say("BotReady", {"session": "sid-1"})]


def test_a_definite_utterance_is_announced_and_answered_with_the_ears_shut() -> None:
    call = joined(history=[Message("user", "早"), Message("assistant", "早呀")])
    heard = hypothesis(" 今天去哪儿？ ", definite=True)

    effects = call.handle(Heard(EARS_1, heard), now=3.0)

    assert effects == [
        CloseEars(),
        Say("SentenceRecognized", {"sentence": "今天去哪儿？"}),
        BeginReply(
            1,
            "今天去哪儿？",
            (Message("user", "早"), Message("assistant", "早呀")),
            CallConfig(),
            SpeechEnd(EARS_1, 200, heard),
        ),
    ]
    assert call.state is State.IN_PROCESS


def test_text_that_stays_unchanged_long_enough_is_an_utterance_too() -> None:
    call = joined()

    waiting = call.handle(Heard(EARS_1, hypothesis("我想去", audio_ms=500)), now=0.5)
    [wake] = [effect for effect in waiting if isinstance(effect, WakeAt)]

    assert said(call.handle(Reached(EARS_1, wake.audio_ms - 1), now=1.0)) == []
    assert said(call.handle(Reached(EARS_1, wake.audio_ms), now=1.1)) == ["SentenceRecognized"]


def test_speech_that_goes_on_inside_the_hold_is_the_same_utterance() -> None:
    call = joined()
    call.handle(Sensed(EARS_1, speaking=True, at_ms=100), now=0.2)
    call.handle(Sensed(EARS_1, speaking=False, at_ms=900), now=1.0)
    call.handle(Heard(EARS_1, Hypothesis("我想去", definite=True, end_ms=880, audio_ms=1000)), now=1.0)

    call.handle(Sensed(EARS_1, speaking=True, at_ms=1200), now=1.3)
    assert said(call.handle(Reached(EARS_1, 2000), now=2.0)) == []
    call.handle(Sensed(EARS_1, speaking=False, at_ms=2100), now=2.2)
    call.handle(Heard(EARS_1, Hypothesis("我想去看电影吗？", definite=True, end_ms=2100, audio_ms=2300)), now=2.3)

    effects = call.handle(Reached(EARS_1, 2400), now=2.4)
    assert [e.text for e in effects if isinstance(e, BeginReply)] == ["我想去看电影吗？"]


def test_an_utterance_ends_although_the_client_stops_sending_sound() -> None:
    call = joined()
    call.handle(Heard(EARS_1, Hypothesis("我想去", definite=True, end_ms=900, audio_ms=1000)), now=1.0)

    due = call.deadline
    assert due is not None
    assert due < 3.0
    assert said(call.handle(Tick(), now=due)) == ["SentenceRecognized"]


def guessed(call: Call) -> Guess:
    """Bring the call to a guess: the caller has said a whole sentence, and is silent."""
    call.handle(Sensed(EARS_1, speaking=True, at_ms=100), now=0.2)
    call.handle(Heard(EARS_1, Hypothesis("你吃了吗", definite=False, end_ms=900, audio_ms=900)), now=0.9)
    call.handle(Sensed(EARS_1, speaking=False, at_ms=920), now=1.0)
    [guess] = [e for e in call.handle(Reached(EARS_1, 1050), now=1.05) if isinstance(e, Guess)]
    return guess


def test_a_guess_that_was_right_becomes_the_reply() -> None:
    call = joined()
    guess = guessed(call)

    effects = call.handle(Heard(EARS_1, Hypothesis("你吃了吗？", definite=True, end_ms=900, audio_ms=1300)), now=1.3)

    assert guess == Guess(1, 1, "你吃了吗", (), CallConfig())
    [begin] = [e for e in effects if isinstance(e, BeginReply)]
    assert (begin.text, begin.turn, begin.guess) == ("你吃了吗？", 1, guess.number)


def test_a_guess_is_dropped_when_the_caller_goes_on_and_the_budget_ends_guessing() -> None:
    call = joined()
    guess = guessed(call)

    assert call.handle(Sensed(EARS_1, speaking=True, at_ms=1100), now=1.2) == [DropGuess(guess.number)]
    call.handle(Sensed(EARS_1, speaking=False, at_ms=1900), now=2.0)
    news = Heard(EARS_1, Hypothesis("你吃了吗我还没吃呢", definite=False, end_ms=1890, audio_ms=2000))
    call.handle(news, now=2.0)
    second = [e for e in call.handle(Reached(EARS_1, 2110), now=2.1) if isinstance(e, Guess)]
    assert [guess.text for guess in second] == ["你吃了吗我还没吃呢"]
    call.handle(Sensed(EARS_1, speaking=True, at_ms=2150), now=2.2)
    call.handle(Sensed(EARS_1, speaking=False, at_ms=2900), now=3.0)
    news = Heard(EARS_1, Hypothesis("你吃了吗我还没吃呢你呢", definite=False, end_ms=2890, audio_ms=3000))
    call.handle(news, now=3.0)
    assert not [e for e in call.handle(Reached(EARS_1, 3110), now=3.1) if isinstance(e, Guess)]


def test_a_guess_under_another_configuration_is_dropped() -> None:
    call = joined()
    guess = guessed(call)
    call.handle(Told(ConfigUpdate({"speaker": "another"})), now=1.1)

    effects = call.handle(Heard(EARS_1, Hypothesis("你吃了吗？", definite=True, end_ms=900, audio_ms=1300)), now=1.3)

    assert DropGuess(guess.number) in effects
    assert [e.guess for e in effects if isinstance(e, BeginReply)] == [None]


def test_noise_without_a_word_is_no_utterance() -> None:
    call = joined()

    assert call.handle(Heard(EARS_1, hypothesis("。", definite=True)), now=1.0) == []


def test_the_ears_are_open_before_tts_done_is_said() -> None:
    call = speaking("挺好的。")

    effects = call.handle(ReplyEnded(1, "挺好的。"), now=4.0)

    assert effects == [
        Remember((Message("user", "你好"), Message("assistant", "挺好的。"))),
        OpenEars(2),
        Account(1),
        Say("TTSDone"),
    ]
    assert call.history == (Message("user", "你好"), Message("assistant", "挺好的。"))


def test_a_failed_turn_says_the_error_then_tts_done_and_the_call_goes_on() -> None:
    call = speaking()

    effects = call.handle(ReplyEnded(1, "", Fault("LLMTimeout", "too slow")), now=4.0)

    assert [e.payload for e in effects if isinstance(e, Say)] == [
        {"error": {"code": "LLMTimeout", "message": "too slow"}},
        {},
    ]
    assert said(effects) == ["BotError", "TTSDone"]
    assert said(call.handle(Heard(2, hypothesis("再来", definite=True)), now=5.0)) == ["SentenceRecognized"]


def test_news_of_a_past_turn_or_of_shut_ears_is_dropped() -> None:
    call = speaking()
    call.handle(ReplyEnded(1, "好"), now=2.0)

    assert call.handle(ReplyEnded(1, "好"), now=2.1) == []
    assert call.handle(SentenceSent(1, "好"), now=2.1) == []
    assert call.handle(Heard(EARS_1, hypothesis("旧", definite=True)), now=2.2) == []


def test_a_speaker_told_during_a_turn_counts_from_the_next_one() -> None:
    call = speaking()

    call.handle(Told(ConfigUpdate({"speaker": "zh_male"})), now=2.0)
    call.handle(ReplyEnded(1, "好"), now=3.0)
    effects = call.handle(Heard(2, hypothesis("嗨", definite=True)), now=4.0)

    assert [e.config.speaker for e in effects if isinstance(e, BeginReply)] == ["zh_male"]


def test_frames_carry_the_turn_or_0_where_turn_ids_were_asked_for() -> None:
    call = Call("s", LIMITS, CallConfig(turn_ids=True))

    ready = call.handle(Joined(()), now=0.0)
    begun = call.handle(Heard(EARS_1, hypothesis("嗨", definite=True)), now=1.0)
    ended = call.handle(ReplyEnded(1, "好"), now=2.0)

    assert [e.turn for e in (*ready, *begun, *ended) if isinstance(e, Say)] == [0, 1, 1]


def test_an_interruption_keeps_what_was_said_and_ends_the_turn_at_once() -> None:
    call = speaking("好的，", "我想想。", config=CallConfig(events=frozenset({"BotInterrupted"})))

    effects = call.handle(Told(BotInterrupt()), now=3.0)

    assert effects == [
        CancelReply(1),
        Remember((Message("user", "你好"), Message("assistant", "好的，我想想。"))),
        Say("BotInterrupted", {"spoken": "好的，我想想。"}),
        OpenEars(2),
        Account(1),
        Say("TTSDone"),
    ]
    assert call.state is State.IDLE


def test_a_typed_text_cuts_the_reply_off_and_is_answered() -> None:
    call = speaking("好的，")

    effects = call.handle(Told(UserText("等等")), now=3.0)

    assert said(effects) == ["TTSDone", "SentenceRecognized"]
    assert [e.text for e in effects if isinstance(e, BeginReply)] == ["等等"]


def test_words_over_the_reply_cut_it_off_and_open_the_next_turn_where_barge_in_was_asked_for() -> None:
    call = speaking("好的，", config=CallConfig(barge_in=True))

    cut = call.handle(Heard(2, hypothesis("等一下")), now=3.0)
    begun = call.handle(Heard(2, hypothesis("等一下，我问你", definite=True)), now=4.0)

    assert said(cut) == ["BotInterrupted", "TTSDone"]
    assert CancelReply(1) in cut
    assert [e.text for e in begun if isinstance(e, BeginReply)] == ["等一下，我问你"]


@pytest.mark.parametrize("text", ["嗯", "对对对", "好的，", "uh-huh"])
def test_a_nod_over_the_reply_is_forgotten(text: str) -> None:
    call = speaking("好的，我想想。", config=CallConfig(barge_in=True))

    call.handle(Heard(2, hypothesis(text)), now=2.9)
    assert call.handle(Heard(2, hypothesis(text, definite=True, audio_ms=3000)), now=3.0) == [OpenEars(3)]
    assert call.state is State.IN_PROCESS


def test_the_echo_of_the_reply_neither_cuts_it_off_nor_comes_back_as_an_utterance() -> None:
    call = speaking("我今天去图书馆借书了。", config=CallConfig(barge_in=True))

    assert said(call.handle(Heard(2, hypothesis("今天去图书馆借书")), now=3.0)) == []
    call.handle(ReplyEnded(1, "我今天去图书馆借书了。"), now=3.5)
    heard = hypothesis("今天去图书馆借书。你借的什么书呀？", definite=True, audio_ms=4000)
    effects = call.handle(Heard(2, heard), now=4.0)

    assert [e.text for e in effects if isinstance(e, BeginReply)] == ["你借的什么书呀？"]


def test_history_keeps_what_was_heard_by_the_clients_own_report() -> None:
    call = speaking("一二三四。", "五六七八。", config=CallConfig(barge_in=True))
    call.handle(Told(PlaybackPosition(1, 1875)), now=2.5)

    call.handle(Told(BotInterrupt()), now=3.0)

    assert call.history[-1] == Message("assistant", "一二三四。五六")


def test_without_barge_in_the_ears_are_shut_while_the_bot_speaks() -> None:
    call = speaking()

    assert call.handle(Heard(2, hypothesis("等一下", definite=True)), now=3.0) == []


def test_failing_ears_are_told_once_each_and_opened_again_later_and_later() -> None:
    call = joined()
    fault = Fault("ASRFailed", "cannot connect")

    assert said(call.handle(EarsClosed(1, fault), now=0.0)) == ["BotError"]
    assert call.deadline == RETRY_S
    assert call.handle(Tick(), now=RETRY_S) == [OpenEars(2, keep_audio=True)]
    call.handle(EarsClosed(2, fault), now=1.0)
    assert call.deadline == 1.0 + 2 * RETRY_S


def test_silence_ends_the_call_and_words_put_that_off() -> None:
    call = joined()
    call.handle(Heard(EARS_1, hypothesis("我在想")), now=50.0)
    call.handle(Sensed(EARS_1, speaking=True, at_ms=1000), now=50.0)

    assert call.handle(Tick(), now=109.0) == []
    effects = call.handle(Tick(), now=110.0)

    assert said(effects) == ["BotError"]
    assert effects[-1] == HangUp(1000, "IdleTimeout")
    assert call.state is State.ENDED


def test_a_reply_of_any_length_is_no_silence() -> None:
    assert speaking().deadline is None


def test_the_tenth_bad_frame_in_a_row_hangs_up() -> None:
    call = joined()

    for count in range(1, 10):
        assert said(call.handle(Malformed(Fault("BadFrame", "what"), count), now=1.0)) == ["BotError"]
    effects = call.handle(Malformed(Fault("BadFrame", "what"), 10), now=1.0)

    assert effects[-1] == HangUp(1008, "BadFrame")


def test_a_drain_lets_the_turn_finish_first() -> None:
    call = speaking()

    assert call.handle(DrainAsked(), now=2.0) == []
    effects = call.handle(ReplyEnded(1, "好"), now=3.0)

    assert said(effects) == ["TTSDone", "BotError"]
    assert effects[-1] == HangUp(1012, "ShuttingDown")


def test_a_drain_ends_an_idle_call_at_once() -> None:
    assert said(joined().handle(DrainAsked(), now=2.0)) == ["BotError"]


def test_hanging_up_in_a_turn_stops_the_reply_and_keeps_what_was_said() -> None:
    call = speaking("好的，")

    effects = call.handle(HungUp(), now=3.0)

    assert CancelReply(1) in effects
    assert Remember((Message("user", "你好"), Message("assistant", "好的，"))) in effects
    assert call.state is State.ENDED


def test_a_call_whose_conversation_was_taken_up_elsewhere_keeps_what_was_said_and_ends_for_good() -> None:
    call = speaking("好的，")

    effects = call.handle(TakenUp(), now=3.0)

    assert said(effects) == ["BotError"]
    assert Remember((Message("user", "你好"), Message("assistant", "好的，"))) in effects
    assert effects[-1] == HangUp(1008, "BadSession")


def test_a_call_whose_conversation_was_taken_up_before_it_began_ends() -> None:
    call = Call("sid-1", CallLimits(), CallConfig())

    assert call.handle(TakenUp(), now=0.0)[-1] == HangUp(1008, "BadSession")
    assert call.handle(Joined(), now=0.1) == []


def test_a_client_that_asks_for_partial_text_gets_each_change_of_it() -> None:
    call = joined(CallConfig(events=frozenset({"SentencePartial"})))

    texts = ["今", "今", "今天"]
    effects = [call.handle(Heard(EARS_1, hypothesis(text)), now=1.0) for text in texts]

    assert [said(e) for e in effects] == [["SentencePartial"], [], ["SentencePartial"]]


config_updates: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"barge_in": st.booleans(), "turn_ids": st.booleans(), "speaker": st.just("x")}
)
small = st.integers(0, 4)
call_events: st.SearchStrategy[CallEvent] = st.one_of(
    st.builds(
        Heard,
        small,
        st.builds(
            Hypothesis,
            st.sampled_from(["", "。", "嗯", "你好", "等一下", "你吃了吗", "好不好"]),
            st.booleans(),
            st.integers(0, 9000),
            st.integers(0, 9000),
        ),
    ),
    st.builds(EarsClosed, small, st.none() | st.just(Fault("ASRFailed", "x"))),
    st.builds(ReplyEnded, small, st.sampled_from(["", "好"]), st.none() | st.just(Fault("TTSFailed", "x"))),
    st.builds(SentenceSent, small, st.just("好")),
    st.builds(SoundSent, small, st.floats(0, 3000)),
    st.builds(Sensed, small, st.booleans(), st.integers(0, 9000)),
    st.builds(Reached, small, st.integers(0, 9000)),
    st.builds(
        Told,
        st.one_of(
            st.builds(UserText, st.just("嗨")),
            st.just(BotInterrupt()),
            st.builds(PlaybackPosition, small, small),
            st.builds(ConfigUpdate, config_updates),
        ),
    ),
    st.builds(Malformed, st.just(Fault("BadFrame", "x")), st.integers(0, 10)),
    st.just(DrainAsked()),
    st.just(BudgetSpent()),
    st.just(TakenUp()),
    st.just(Tick()),
    st.just(HungUp()),
)


@given(st.lists(st.tuples(call_events, st.floats(0, 30)), max_size=40), st.sampled_from([0.0, 20.0]))
def test_in_any_order_of_events_one_reply_runs_at_most_and_every_turn_is_closed_once(
    steps: list[tuple[CallEvent, float]], ask_before_s: float
) -> None:
    call, now = Call("sid-1", replace(LIMITS, ask_before_s=ask_before_s), CallConfig()), 0.0
    call.handle(Joined(), now)
    running: set[int] = set()
    trials: set[int] = set()
    begun = done = 0
    for event, pause in steps:
        now += pause
        if isinstance(event, ReplyEnded) and call.state is State.IN_PROCESS:
            running.discard(event.turn)
        for effect in call.handle(event, now):
            match effect:
                case Guess(number):
                    assert not trials
                    trials.add(number)
                case DropGuess(number):
                    trials.remove(number)
                case BeginReply(turn, guess=guess):
                    assert not running
                    running.add(turn)
                    assert trials == (set() if guess is None else {guess})
                    trials.clear()
                case AskIfThere(turn) | TakeLeave(turn):
                    assert not running
                    assert not trials
                    running.add(turn)
                    begun += 1
                case CancelReply(turn):
                    running.discard(turn)
                case Say("SentenceRecognized"):
                    begun += 1
                case Say("TTSDone"):
                    done += 1
        if call.state is not State.ENDED:
            assert begun - done == (call.state is State.IN_PROCESS)
    assert begun - done in (0, 1)
    if call.state is State.IDLE:
        assert call.deadline is not None
        assert not running
    if call.state is State.ENDED:
        assert not trials
