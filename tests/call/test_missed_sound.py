"""Sound that was made while the line was cut: the client plays it when it is back, and that is when it sounds."""

import pytest

from backend.call.machine import Call, CallLimits
from backend.call.moves import (
    CallEvent,
    Effect,
    Heard,
    Joined,
    LineBack,
    LineCut,
    OpenEars,
    Remember,
    ReplyEnded,
    Say,
    SentenceSent,
    SoundSent,
    Tick,
    Told,
)
from backend.call.silence import Silence
from backend.ports import Hypothesis, Message
from backend.protocol.events import BotInterrupt, CallConfig, PlaybackPosition, UserText

FIRST, STORY = "从前有一座山，", "山上有一座庙，庙里有个老和尚在讲故事。"
QUESTION = Message("user", "讲个故事")
BACK = 20.0


def back_after_the_reply(config: CallConfig | None = None) -> Call:
    """Half a second of a reply was sent before the line was cut, ten while it was, and the caller is back at 20."""
    call = Call("sid-1", CallLimits(), config or CallConfig(barge_in=True, delivery="stream"))
    call.handle(Joined(), now=0.0)
    call.handle(Told(UserText(QUESTION.text)), now=1.0)
    call.handle(SentenceSent(1, FIRST), now=1.5)
    call.handle(SoundSent(1, 500.0), now=1.5)
    call.handle(LineCut(), now=2.0)
    call.handle(SentenceSent(1, STORY), now=2.1)
    for tenth in range(50):
        call.handle(SoundSent(1, 200.0), now=2.1 + tenth / 5)
    call.handle(ReplyEnded(1, FIRST + STORY), now=12.0)
    call.handle(LineBack(), now=BACK)
    return call


def hear(call: Call, text: str, now: float) -> list[Effect]:
    heard = Hypothesis(text, definite=True, end_ms=1000, audio_ms=3000)
    return call.handle(Heard(2, heard), now)


@pytest.mark.parametrize("text", ["山上有一座庙，庙里有个老和尚", "嗯嗯"], ids=["its echo", "a nod over it"])
def test_what_is_heard_beside_the_sound_that_was_missed_opens_no_turn(text: str) -> None:
    assert hear(back_after_the_reply(), text, BACK + 5) == [OpenEars(3)]


def test_words_beside_it_are_the_callers() -> None:
    effects = hear(back_after_the_reply(), "等一下，我有话说。", BACK + 5)

    assert [e.payload["sentence"] for e in effects if isinstance(e, Say)][-1] == "等一下，我有话说。"


STOPS: list[CallEvent] = [Told(BotInterrupt()), Heard(2, Hypothesis("别说了", False, 900, 900))]


@pytest.mark.parametrize("stop", STOPS, ids=["by hand", "by words"])
def test_where_it_is_stopped_the_rest_was_not_heard(stop: CallEvent) -> None:
    call = back_after_the_reply()
    call.handle(Told(PlaybackPosition(1, 500)), now=BACK + 0.1)

    effects = call.handle(stop, now=BACK + 0.2)

    assert Remember((QUESTION, Message("assistant", FIRST)), FIRST + STORY) in effects


def test_left_alone_it_is_heard_out_and_the_silence_begins_there() -> None:
    call = back_after_the_reply()

    assert call.deadline == pytest.approx(BACK + 10.0 + 1.0)
    assert call.handle(Tick(), now=BACK + 11.1) == [Remember((QUESTION, Message("assistant", FIRST + STORY)))]
    assert call.deadline == pytest.approx(BACK + 10.0 + 60.0)


def test_the_silence_begins_there_without_barge_in_too() -> None:
    assert back_after_the_reply(CallConfig()).deadline == pytest.approx(BACK + 10.0 + 60.0)


def test_a_reply_that_goes_on_when_the_caller_is_back_sounds_after_what_was_missed() -> None:
    silence = Silence(60.0, 0.0)
    silence.sound(3000.0, now=1.0)
    silence.leave(2.0)
    silence.sound(1000.0, now=2.0)
    silence.come_back(3.0)
    silence.sound(500.0, now=3.0)

    assert silence.voice_until == pytest.approx(1.0 + 3.0 + 1.0 + 0.5)


def test_what_was_missed_of_a_reply_that_was_cut_off_is_not_played() -> None:
    silence = Silence(60.0, 0.0)
    silence.leave(2.0)
    silence.sound(9000.0, now=2.0)
    silence.hush(3.0)
    silence.come_back(4.0)

    assert silence.voice_until < 4.0
