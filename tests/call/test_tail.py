"""What is heard while the end of a reply still sounds, though it was sent whole: echoes, nods, words, and a stop."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.machine import Call, CallLimits, State
from backend.call.moves import (
    BeginReply,
    CallEvent,
    Effect,
    Heard,
    HungUp,
    Joined,
    OpenEars,
    Reached,
    Remember,
    ReplyEnded,
    Say,
    Sensed,
    SentenceSent,
    SoundSent,
    Tick,
    Told,
)
from backend.ports import Hypothesis, Message
from backend.protocol.events import BotInterrupt, CallConfig, PlaybackPosition, UserText

SENTENCES = ("今天天气真不错，", "我们一起去公园走走吧。")
REPLY = "".join(SENTENCES)
SENTENCE_MS = 3000.0
BEGAN, SENT, PLAYED = 2.0, 3.0, 8.0
"""When the first sound was sent, when the last, and when it has come out of the speaker."""
QUESTION = Message("user", "讲个故事")
BARGE_IN = CallConfig(barge_in=True, events=frozenset({"SentencePartial"}))
EARS = 2


def in_the_tail(*sentences: str, config: CallConfig = BARGE_IN, before: Sequence[CallEvent] = ()) -> Call:
    """A call whose first reply was sent at once, with TTSDone, and goes on sounding; `before` came in time for it."""
    call = Call("sid-1", CallLimits(), config)
    call.handle(Joined(), now=0.0)
    call.handle(Told(UserText(QUESTION.text)), now=1.0)
    for sentence in sentences or SENTENCES:
        call.handle(SentenceSent(1, sentence), now=BEGAN)
        call.handle(SoundSent(1, SENTENCE_MS), now=BEGAN)
    for event in before:
        call.handle(event, now=2.9)
    call.handle(ReplyEnded(1, "".join(sentences or SENTENCES)), now=SENT)
    return call


def partial(text: str, ears: int = EARS) -> Heard:
    return Heard(ears, Hypothesis(text, definite=False, end_ms=1000, audio_ms=1000))


def definite(text: str, ears: int = EARS, quiet_ms: int = 2000) -> Heard:
    return Heard(ears, Hypothesis(text, definite=True, end_ms=1000, audio_ms=1000 + quiet_ms))


def said(effects: Sequence[Effect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Say)]


def answered(effects: Sequence[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, BeginReply)]


# --- echoes


def test_the_rest_of_an_echo_that_began_before_the_end_is_nobodys_sentence() -> None:
    call = in_the_tail(before=[partial("今天天气真不错我们一起去")])

    assert said(call.handle(partial("今天天气真不错我们一起去公园"), now=5.0)) == []
    assert call.handle(definite("今天天气真不错，我们一起去公园走走吧。"), now=8.9) == [OpenEars(3)]
    assert call.turn == 1


def test_the_echo_of_a_reply_that_was_sent_at_once_is_nobodys_sentence() -> None:
    call = in_the_tail()

    assert call.handle(definite("今天天气真不错，我们一起去公园走走吧。"), now=PLAYED + 0.9) == [OpenEars(3)]


def test_nor_is_it_with_a_word_misheard_or_after_its_sound_has_run_out() -> None:
    call = in_the_tail()

    assert said(call.handle(partial("去公圆走走"), now=PLAYED + 0.3)) == []
    assert call.handle(definite("去公圆走走吧。"), now=PLAYED + 1.6) == [OpenEars(3)]


def test_an_echo_before_the_callers_own_words_is_left_out_of_them() -> None:
    call = in_the_tail()
    call.handle(partial("一起去公园走走吧"), now=7.9)

    assert answered(call.handle(definite("一起去公园走走吧，你想几点去呢？"), now=10.0)) == ["你想几点去呢？"]


def test_her_words_in_the_callers_mouth_count_once_she_has_been_quiet_for_a_while() -> None:
    call = in_the_tail()

    assert said(call.handle(partial("去公园走走吧"), now=PLAYED + 3)) == ["SentencePartial"]
    assert answered(call.handle(definite("去公园走走吧。"), now=PLAYED + 4)) == ["去公园走走吧。"]


def test_after_the_end_only_her_last_words_can_be_an_echo() -> None:
    call = in_the_tail("你想去公园呢，", "还是待在家里看一部以前没看过的老电影？")

    assert answered(call.handle(definite("去公园。"), now=PLAYED + 2.8)) == ["去公园。"]


# --- nods


@pytest.mark.parametrize("nod", ["嗯", "对啊", "好的", "uh-huh"])
def test_a_nod_over_the_tail_is_told_to_nobody_and_opens_no_turn(nod: str) -> None:
    call = in_the_tail()

    assert said(call.handle(partial(nod), now=5.0)) == []
    assert call.handle(definite(nod), now=5.8) == [OpenEars(3)]
    assert call.state is State.IDLE


def test_a_nod_that_began_over_the_reply_and_is_definite_after_it_opens_no_turn_either() -> None:
    call = in_the_tail(before=[partial("嗯")])

    assert call.handle(definite("嗯。"), now=3.4) == [OpenEars(3)]


def test_so_does_one_that_speech_was_sensed_for_in_the_tail() -> None:
    call = in_the_tail()
    call.handle(Sensed(EARS, speaking=True, at_ms=500), now=PLAYED - 0.2)

    call.handle(Sensed(EARS, speaking=False, at_ms=700), now=PLAYED)
    assert call.handle(definite("嗯。"), now=PLAYED + 3) == [OpenEars(3)]


def test_a_nod_after_she_is_quiet_is_an_utterance() -> None:
    call = in_the_tail()
    call.handle(Tick(), now=PLAYED + 1)

    assert said(call.handle(partial("嗯"), now=PLAYED + 1.5)) == ["SentencePartial"]
    assert answered(call.handle(definite("嗯。"), now=PLAYED + 2.3)) == ["嗯。"]


def test_a_nod_right_at_the_end_of_a_question_answers_it() -> None:
    asked, told = in_the_tail("我们去公园吧，", "你去吗？"), in_the_tail("我们去公园吧，", "我等你。")
    for call in (asked, told):
        call.handle(Sensed(EARS, speaking=True, at_ms=500), now=PLAYED - 0.2)
        call.handle(Sensed(EARS, speaking=False, at_ms=700), now=PLAYED)

    assert answered(asked.handle(definite("嗯。"), now=PLAYED + 1)) == ["嗯。"]
    assert answered(told.handle(definite("嗯。"), now=PLAYED + 1)) == []


def test_a_false_alarm_changes_nothing_of_the_reply() -> None:
    """A noise and a nod over it: nothing was paused, so nothing has to be resumed."""
    call = in_the_tail(
        before=[Sensed(EARS, speaking=True, at_ms=100), partial("嗯"), Sensed(EARS, speaking=False, at_ms=300)]
    )

    assert said(call.handle(Tick(), now=PLAYED + 1)) == []
    assert call.history == (QUESTION, Message("assistant", REPLY))


# --- words


def test_words_in_the_tail_are_told_at_once_and_are_the_next_utterance() -> None:
    call = in_the_tail()

    assert said(call.handle(partial("等一下"), now=5.0)) == ["SentencePartial"]
    assert answered(call.handle(definite("等一下，我有话说。"), now=7.0)) == ["等一下，我有话说。"]


def test_words_that_were_told_stay_the_callers_whatever_the_recogniser_makes_of_them() -> None:
    call = in_the_tail()
    call.handle(partial("好的但是"), now=5.0)

    assert answered(call.handle(definite("好的。"), now=6.0)) == ["好的。"]


def test_nods_and_echoes_while_she_speaks_are_told_to_nobody_either() -> None:
    call = Call("sid-1", CallLimits(), BARGE_IN)
    call.handle(Joined(), now=0.0)
    call.handle(Told(UserText("你好")), now=1.0)
    call.handle(SentenceSent(1, REPLY), now=2.0)

    assert said(call.handle(partial("嗯"), now=2.5)) == []
    assert said(call.handle(partial("一起去公园走走"), now=2.6)) == []
    assert said(call.handle(partial("别说了"), now=2.7)) == ["SentencePartial", "BotInterrupted", "TTSDone"]


@pytest.mark.parametrize("text", ["嗯。", REPLY, "一起去公园"])
def test_without_barge_in_everything_that_is_heard_is_an_utterance_as_ever(text: str) -> None:
    call = in_the_tail(config=CallConfig(events=frozenset({"SentencePartial"})))

    assert call.deadline == PLAYED + 60
    assert said(call.handle(partial(text), now=5.0)) == ["SentencePartial"]
    assert answered(call.handle(definite(text), now=6.0)) == [text]


# --- what was heard


def test_a_reply_is_remembered_whole_once_it_has_been_heard_out() -> None:
    call = in_the_tail()
    call.handle(Told(PlaybackPosition(1, 5500)), now=7.6)

    assert call.history == ()
    due = call.deadline
    assert due is not None
    assert call.handle(Tick(), now=due) == [Remember((QUESTION, Message("assistant", REPLY)))]
    assert call.deadline == PLAYED + 60


def test_a_reply_without_sound_is_remembered_at_once() -> None:
    call = Call("sid-1", CallLimits(), BARGE_IN)
    call.handle(Joined(), now=0.0)
    call.handle(Told(UserText("你好")), now=1.0)

    effects = call.handle(ReplyEnded(1, "嗯。"), now=2.0)

    assert effects[0] == Remember((Message("user", "你好"), Message("assistant", "嗯。")))


STOPS: list[CallEvent] = [
    Told(BotInterrupt()),
    Told(UserText("停")),
    partial("等一下"),
    definite("你听我说。"),
    HungUp(),
]


@pytest.mark.parametrize("stop", STOPS, ids=["by hand", "by typing", "by a word", "by words", "by hanging up"])
def test_what_was_not_played_when_the_tail_was_stopped_is_not_remembered(stop: CallEvent) -> None:
    call = in_the_tail()
    call.handle(Told(PlaybackPosition(1, 3000)), now=5.1)

    effects = call.handle(stop, now=5.2)

    assert effects[0] == Remember((QUESTION, Message("assistant", SENTENCES[0])), REPLY) or isinstance(stop, HungUp)
    assert Remember((QUESTION, Message("assistant", SENTENCES[0])), REPLY) in effects
    assert call.history[:2] == (QUESTION, Message("assistant", SENTENCES[0]))
    for effect in effects:
        if isinstance(effect, BeginReply):
            assert effect.history == (QUESTION, Message("assistant", SENTENCES[0]))


@pytest.mark.parametrize("stop", STOPS[:4], ids=["by hand", "by typing", "by a word", "by words"])
def test_without_positions_what_was_sent_counts_as_heard(stop: CallEvent) -> None:
    call = in_the_tail()

    call.handle(stop, now=5.2)

    assert call.history[:2] == (QUESTION, Message("assistant", REPLY))


def test_a_stop_in_the_tail_says_nothing_for_the_turn_had_its_tts_done() -> None:
    call = in_the_tail()

    assert said(call.handle(Told(BotInterrupt()), now=5.0)) == []
    assert call.handle(Told(BotInterrupt()), now=5.1) == []
    assert call.deadline == 5.0 + 60


def test_a_stop_after_the_tail_trims_nothing() -> None:
    call = in_the_tail()
    call.handle(Told(PlaybackPosition(1, 5900)), now=7.9)

    call.handle(Told(UserText("好")), now=PLAYED + 0.5)

    assert call.history == (QUESTION, Message("assistant", REPLY))


def test_positions_tell_when_the_tail_is_over() -> None:
    early, late = in_the_tail(), in_the_tail()

    early.handle(Told(PlaybackPosition(1, 6000)), now=7.0)
    late.handle(Told(PlaybackPosition(1, 4000)), now=7.0)

    assert early.deadline == 7.0 + 1
    assert late.deadline == 7.0 + 2 + 1


def test_no_position_keeps_a_reply_unsettled_for_longer_than_its_sound_lasts() -> None:
    call = in_the_tail()
    for now in range(4, 10):
        call.handle(Told(PlaybackPosition(1, 0)), now=float(now))

    assert call.deadline == SENT + 6 + 1


def test_positions_of_an_earlier_turn_change_nothing() -> None:
    call = in_the_tail()
    call.handle(Told(UserText("停")), now=9.5)

    call.handle(Told(PlaybackPosition(1, 100)), now=9.6)

    assert call.history == (QUESTION, Message("assistant", REPLY))


steps = st.one_of(
    st.builds(lambda ms: Told(PlaybackPosition(1, ms)), st.integers(0, 20_000)),
    st.sampled_from(
        [Told(BotInterrupt()), partial("嗯"), partial("等一下"), Tick(), Reached(EARS, 5000), definite(REPLY)]
    ),
)


@given(st.lists(st.tuples(steps, st.floats(0, 4)), max_size=8))
def test_whatever_happens_in_the_tail_a_turn_is_remembered_once_and_never_more_than_was_sent(
    events: list[tuple[CallEvent, float]],
) -> None:
    call, now, effects = in_the_tail(), SENT, []
    for event, pause in events:
        now += pause
        effects += call.handle(event, now)
    effects += call.handle(HungUp(), now + 30)

    kept = [effect for effect in effects if isinstance(effect, Remember)]
    first = kept[0].messages
    assert first[0] == QUESTION
    assert [message for each in kept for message in each.messages].count(QUESTION) == 1
    assert REPLY.startswith("".join(message.text for message in first[1:]))
    assert "TTSDone" not in said(effects) or call.turn > 1
