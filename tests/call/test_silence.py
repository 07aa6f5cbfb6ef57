"""How long nobody has spoken: when she asks whether the caller is there, and when the call ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    Account,
    AskIfThere,
    BeginReply,
    CancelReply,
    CloseEars,
    DrainAsked,
    Effect,
    Fault,
    HangUp,
    Heard,
    HungUp,
    Joined,
    LineBack,
    LineCut,
    OpenEars,
    Remember,
    ReplyEnded,
    Say,
    Sensed,
    SentenceSent,
    SoundSent,
    Tick,
    Told,
)
from backend.call.silence import Due, Silence
from backend.ports import Hypothesis, Message
from backend.protocol.events import BotInterrupt, CallConfig, UserText

LIMITS = CallLimits(idle_s=60.0, ask_before_s=20.0)
LINE = "喂，人呢？你还在听吗？"
LINE_MS = 3000.0


def joined(config: CallConfig | None = None, limits: CallLimits = LIMITS) -> Call:
    call = Call("sid-1", limits, config or CallConfig())
    call.handle(Joined(), now=0.0)
    return call


def asked(config: CallConfig | None = None, *, sounded: bool = True) -> Call:
    """A call in which nobody has spoken, and the question has been put by second 41."""
    call = joined(config)
    call.handle(Tick(), now=40.0)
    if sounded:
        call.handle(SentenceSent(1, LINE), now=40.5)
        call.handle(SoundSent(1, LINE_MS), now=40.5)
    call.handle(ReplyEnded(1, LINE), now=41.0)
    return call


def heard(text: str, *, ears: int, definite: bool = True) -> Heard:
    return Heard(ears, Hypothesis(text, definite, end_ms=200, audio_ms=1000))


def said(effects: list[Effect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Say)]


def test_she_asks_some_time_before_she_would_hang_up_and_the_ears_are_shut_meanwhile() -> None:
    call = joined()

    assert call.deadline == 40.0
    assert call.handle(Tick(), now=39.9) == []
    assert call.handle(Tick(), now=40.0) == [CloseEars(), AskIfThere(1, CallConfig())]
    assert call.state is State.IN_PROCESS
    assert call.deadline is None


def test_the_question_ends_with_one_tts_done_and_is_remembered_as_hers_alone() -> None:
    call = joined()
    call.handle(Tick(), now=40.0)

    effects = call.handle(ReplyEnded(1, LINE), now=41.0)

    assert effects == [Remember((Message("assistant", LINE),)), OpenEars(2), Account(1), Say("TTSDone")]
    assert call.history == (Message("assistant", LINE),)


def test_the_call_ends_when_it_would_have_without_the_question() -> None:
    call = asked()

    assert call.deadline == 60.0
    assert call.handle(Tick(), now=59.9) == []
    effects = call.handle(Tick(), now=60.0)
    assert said(effects) == ["BotError"]
    assert effects[-1] == HangUp(1000, "IdleTimeout")


def test_who_answers_stays_and_is_asked_again_in_the_next_silence() -> None:
    call = asked()

    effects = call.handle(heard("在呢在呢，我刚去倒水了", ears=2), now=50.0)
    assert [e.text for e in effects if isinstance(e, BeginReply)] == ["在呢在呢，我刚去倒水了"]
    call.handle(ReplyEnded(2, "好。"), now=55.0)

    assert call.deadline == 95.0
    assert [type(effect) for effect in call.handle(Tick(), now=95.0)] == [CloseEars, AskIfThere]


def test_words_that_are_no_utterance_yet_put_both_off() -> None:
    call = joined()

    call.handle(heard("我", ears=1, definite=False), now=39.0)

    assert call.handle(Tick(), now=40.0) == []
    assert call.state is State.IDLE


def test_frames_without_speech_put_nothing_off() -> None:
    call = joined()

    call.handle(heard("", ears=1), now=30.0)
    call.handle(Sensed(1, speaking=False, at_ms=30_000), now=30.0)

    assert call.deadline == 40.0


def test_speech_that_was_sensed_gets_time_to_become_words_and_no_more() -> None:
    call = joined()

    call.handle(Sensed(1, speaking=True, at_ms=39_500), now=39.5)

    assert call.handle(Tick(), now=40.0) == []
    assert [type(effect) for effect in call.handle(Tick(), now=41.5)] == [CloseEars, AskIfThere]


def test_a_silence_begins_where_the_voice_ends_and_not_where_it_was_sent() -> None:
    call = joined()
    call.handle(heard("讲个故事", ears=1), now=1.0)
    call.handle(SentenceSent(1, "从前。"), now=2.0)
    call.handle(SoundSent(1, 30_000.0), now=2.0)

    call.handle(ReplyEnded(1, "从前。"), now=3.0)

    assert call.deadline == 2.0 + 30.0 + 40.0


def test_a_reply_that_was_cut_off_sounds_no_longer() -> None:
    call = joined()
    call.handle(heard("讲个故事", ears=1), now=1.0)
    call.handle(SoundSent(1, 30_000.0), now=2.0)

    call.handle(Told(BotInterrupt()), now=4.0)

    assert call.deadline == 44.0


@pytest.mark.parametrize("ask_before_s", [0.0, 60.0, 90.0])
def test_without_time_for_it_there_is_no_question(ask_before_s: float) -> None:
    call = joined(limits=CallLimits(idle_s=60.0, ask_before_s=ask_before_s))

    assert call.deadline == 60.0
    assert call.handle(Tick(), now=60.0)[-1] == HangUp(1000, "IdleTimeout")


def test_a_question_that_took_long_leaves_time_for_an_answer() -> None:
    call = joined()
    call.handle(Tick(), now=40.0)
    call.handle(SentenceSent(1, LINE), now=58.0)
    call.handle(SoundSent(1, LINE_MS), now=58.0)
    call.handle(ReplyEnded(1, LINE), now=58.5)

    assert call.deadline == 58.0 + LINE_MS / 1000 + LIMITS.ask_before_s / 2


def test_the_echo_of_the_question_is_neither_speech_nor_an_utterance() -> None:
    call = asked(CallConfig(events=frozenset({"SentencePartial"})))

    partial = call.handle(heard("喂人呢你还在听", ears=2, definite=False), now=43.0)
    whole = call.handle(heard("喂人呢你还在听吗", ears=2), now=44.0)

    assert (said(partial), whole) == ([], [OpenEars(3)])
    assert call.deadline == 60.0


def test_the_echo_of_the_question_while_she_asks_is_no_speech_either() -> None:
    call = joined(CallConfig(barge_in=True))
    call.handle(Tick(), now=40.0)
    call.handle(SentenceSent(1, LINE), now=40.5)
    call.handle(SoundSent(1, LINE_MS), now=40.5)
    call.handle(heard("你还在听吗", ears=1, definite=False), now=42.0)
    call.handle(ReplyEnded(1, LINE), now=43.3)

    assert call.handle(heard("你还在听吗", ears=1), now=43.8) == [OpenEars(2)]
    assert call.handle(Tick(), now=44.5) == [Remember((Message("assistant", LINE),))]  # it has been heard out
    assert call.deadline == 60.0


def test_an_answer_in_the_questions_own_words_counts_once_she_is_quiet() -> None:
    call = asked()

    effects = call.handle(heard("还在听", ears=2), now=46.0)

    assert [e.text for e in effects if isinstance(e, BeginReply)] == ["还在听"]


def test_an_answer_over_the_question_cuts_it_off_where_barge_in_was_asked_for() -> None:
    call = joined(CallConfig(barge_in=True))
    call.handle(Tick(), now=40.0)
    call.handle(SentenceSent(1, "喂，人呢？"), now=40.5)

    cut = call.handle(heard("我在我在", ears=1, definite=False), now=41.0)
    begun = call.handle(heard("我在我在", ears=1), now=42.0)

    assert CancelReply(1) in cut
    assert said(cut) == ["BotInterrupted", "TTSDone"]
    assert [e.turn for e in begun if isinstance(e, BeginReply)] == [2]


def test_typing_over_the_question_is_answered() -> None:
    call = joined()
    call.handle(Tick(), now=40.0)

    effects = call.handle(Told(UserText("在")), now=41.0)

    assert said(effects) == ["TTSDone", "SentenceRecognized"]
    assert Remember((), "") not in effects


def test_a_question_that_cannot_be_spoken_is_told_once_and_the_call_ends_in_its_time() -> None:
    call = joined()
    call.handle(Tick(), now=40.0)

    effects = call.handle(ReplyEnded(1, "", Fault("TTSFailed", "no voice")), now=42.0)

    assert said(effects) == ["BotError", "TTSDone"]
    assert not [effect for effect in effects if isinstance(effect, Remember)]
    assert call.deadline == 60.0


def test_hanging_up_or_draining_while_she_asks_loses_nothing() -> None:
    hung_up, draining = joined(), joined()
    for call in (hung_up, draining):
        call.handle(Tick(), now=40.0)
        call.handle(SentenceSent(1, LINE), now=40.5)
        call.handle(SoundSent(1, LINE_MS), now=40.5)

    assert Remember((Message("assistant", LINE),)) in hung_up.handle(HungUp(), now=41.0)
    assert draining.handle(DrainAsked(), now=41.0) == []
    assert said(draining.handle(ReplyEnded(1, LINE), now=42.0)) == ["TTSDone", "BotError"]


def test_the_question_is_a_turn_with_a_number_of_its_own_under_the_newest_configuration() -> None:
    call = joined(CallConfig(turn_ids=True))
    call.handle(heard("你好", ears=1), now=1.0)
    call.handle(ReplyEnded(1, "你好。"), now=2.0)

    effects = call.handle(Tick(), now=42.0)
    ended = call.handle(ReplyEnded(2, LINE), now=43.0)

    assert [e.turn for e in effects if isinstance(e, AskIfThere)] == [2]
    assert [e.turn for e in ended if isinstance(e, Say)] == [2]


steps = st.sampled_from(["begin", "end", "stir", "sound", "hush", "wait"])


@given(st.lists(st.tuples(steps, st.floats(0, 90))), st.floats(0.1, 90), st.floats(0, 90))
def test_whatever_happens_she_asks_at_most_once_a_silence_and_hangs_up_in_the_end(
    steps: list[tuple[str, float]], idle_s: float, ask_before_s: float
) -> None:
    silence, now, questions = Silence(idle_s, ask_before_s), 0.0, 0
    for step, pause in steps:
        now += pause
        if silence.due(now) is Due.ASK:
            silence.ask()
            questions += 1
        assert questions <= 1
        match step:
            case "end":
                silence.end(now)
                questions = 0
            case "sound":
                silence.sound(1000.0, now)
            case "wait":
                pass
            case _:
                getattr(silence, step)(now)
    if silence.due(silence.deadline) is Due.ASK:
        silence.ask()
    assert silence.due(silence.deadline) is Due.HANG_UP


@given(st.lists(st.tuples(st.floats(0.1, 59.0), st.floats(0.1, 30.0)), min_size=5, max_size=5), st.booleans())
def test_a_silent_caller_whose_line_comes_and_goes_is_hung_up_on(flaps: list[tuple[float, float]], asks: bool) -> None:
    silence = Silence(60.0, 20.0 if asks else 0.0)
    now = 0.0
    for there_s, away_s in flaps * 30:
        while (due := silence.due(min(silence.deadline, now + there_s))) is Due.ASK:
            silence.ask()
        if due is Due.HANG_UP:
            break
        silence.leave(now + there_s)
        now += there_s + away_s
        silence.come_back(now)

    assert now <= 60.0 + 2 * 30.0, "one absence does not count, and in another the time may run out"


def test_the_line_that_comes_back_does_not_begin_another_silence() -> None:
    call = joined(limits=CallLimits(idle_s=60.0))
    for now in (39.0, 79.0):
        call.handle(LineCut(), now)
        assert call.deadline is None
        call.handle(LineBack(), now + 1)

    assert call.deadline == 61.0
    assert any(isinstance(effect, HangUp) for effect in call.handle(Tick(), 80.0))


def test_words_after_a_cut_begin_a_silence_of_the_whole_length() -> None:
    call = joined(limits=CallLimits(idle_s=60.0))
    call.handle(LineCut(), now=50.0)
    call.handle(LineBack(), now=60.0)
    call.handle(Told(UserText("我在")), now=65.0)
    call.handle(ReplyEnded(1, "好"), now=66.0)

    assert call.deadline == 126.0
