"""When an utterance is over."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.turn_end import Endpointer, EndpointLimits
from backend.ports import Hypothesis

LIMITS = EndpointLimits(
    complete_ms=300,
    open_ms=600,
    first_open_ms=600,
    unfinished_ms=1200,
    plausible_ms=100,
    stable_text_ms=2000,
    lag_ms=400,
)
PATIENT = replace(LIMITS, first_open_ms=850)
QUESTION, STATEMENT, HALF = "你吃饭了吗", "我想去看海", "我想去因为"


def partial(text: str, end_ms: int = 0, audio_ms: int = 1500) -> Hypothesis:
    return Hypothesis(text, definite=False, end_ms=end_ms, audio_ms=audio_ms)


def definite(text: str, end_ms: int = 1400, audio_ms: int = 2000) -> Hypothesis:
    return Hypothesis(text, definite=True, end_ms=end_ms, audio_ms=audio_ms)


def silent(text: str, end_ms: int = 1400, limits: EndpointLimits = LIMITS) -> Endpointer:
    """Someone spoke from 200 to 1400 ms, and the recogniser has told all of it."""
    endpointer = Endpointer(limits)
    endpointer.sense(True, 200)
    endpointer.hear(partial(text, end_ms, audio_ms=1490))
    endpointer.sense(False, 1400)
    return endpointer


def over_at(endpointer: Endpointer) -> int | None:
    """Follow its own wishes to be woken, as its owner does."""
    while not endpointer.is_over:
        if (at_ms := endpointer.wake_at_ms) is None:
            return None
        endpointer.reach(at_ms - 1)
        assert not endpointer.is_over
        endpointer.reach(at_ms)
        last_ms = at_ms
    return last_ms


@pytest.mark.parametrize(("text", "ms"), [(QUESTION, 1700), (STATEMENT, 2000), (HALF, 2600)])
def test_the_text_says_how_long_the_silence_has_to_be(text: str, ms: int) -> None:
    endpointer = silent(text)

    assert over_at(endpointer) == ms
    assert (endpointer.text, endpointer.speech_end_ms) == (text, 1400)


@pytest.mark.parametrize(
    ("text", "hold_ms"),
    [
        (STATEMENT, 850),
        ("It is red", 850),
        (QUESTION, 300),
        (HALF, 1200),
        ("我上个星期跟我同学去南京看了一场球赛", 600),
        ("I went to see the football match with my friends", 600),
    ],
)
def test_a_first_silence_after_little_that_tells_nothing_is_longer(text: str, hold_ms: int) -> None:
    assert over_at(silent(text, limits=PATIENT)) == 1400 + hold_ms


def test_who_has_paused_and_gone_on_has_the_usual_hold() -> None:
    endpointer = silent("我去过", limits=PATIENT)
    endpointer.sense(True, 1800)
    endpointer.hear(partial("我去过南京", end_ms=2400, audio_ms=2500))
    endpointer.sense(False, 2400)

    assert over_at(endpointer) == 3000


def test_a_breath_is_no_pause() -> None:
    endpointer = silent("我去过", limits=PATIENT)
    endpointer.sense(True, 1500)
    endpointer.hear(partial("我去过南京", end_ms=2400, audio_ms=2500))
    endpointer.sense(False, 2400)

    assert over_at(endpointer) == 2400 + 850


def test_without_voice_activity_words_after_a_definite_text_tell_that_the_caller_has_paused() -> None:
    endpointer = Endpointer(PATIENT)
    endpointer.hear(definite("我去过", end_ms=1400, audio_ms=2000))
    endpointer.hear(definite("我去过南京", end_ms=2800, audio_ms=3390))

    assert over_at(endpointer) == 3400


def test_the_first_silence_is_never_held_shorter_than_later_ones() -> None:
    assert over_at(silent(STATEMENT, limits=replace(PATIENT, open_ms=1000))) == 2400


def test_a_full_stop_after_a_connective_shortens_nothing() -> None:
    endpointer = silent(HALF)
    endpointer.hear(definite(f"{HALF}。"))

    assert over_at(endpointer) == 2600


def test_a_definite_question_mark_makes_a_statement_a_question() -> None:
    endpointer = silent(STATEMENT)
    endpointer.hear(definite(f"{STATEMENT}？", audio_ms=1750))

    assert endpointer.is_over


def test_a_sentence_may_pause_and_go_on() -> None:
    endpointer = silent(STATEMENT)
    endpointer.reach(1900)
    endpointer.sense(True, 1850)
    endpointer.reach(5000)
    assert (endpointer.is_over, endpointer.wake_at_ms) == (False, None)

    endpointer.hear(partial("我想去看海，你呢", end_ms=5200, audio_ms=5300))
    endpointer.sense(False, 5200)

    assert over_at(endpointer) == 5500
    assert endpointer.text == "我想去看海，你呢"


def test_words_after_a_definite_text_go_on_with_it() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.hear(definite(HALF, end_ms=1400, audio_ms=2000))
    endpointer.hear(partial("我想去因为你", end_ms=2500, audio_ms=2700))
    assert not endpointer.is_over

    endpointer.hear(definite("我想去因为你在吗？", end_ms=3000, audio_ms=3600))
    assert endpointer.is_over
    assert endpointer.speech_end_ms == 3000


def test_a_recogniser_that_lags_far_behind_is_waited_for_until_it_is_sure() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 300)
    endpointer.hear(Hypothesis("你最近有", definite=False, end_ms=700, audio_ms=1500))
    endpointer.sense(False, 2600)
    endpointer.reach(4000)

    assert not endpointer.is_over
    endpointer.hear(Hypothesis("你最近有没有去哪里旅游？", definite=True, end_ms=2600, audio_ms=4100))
    assert endpointer.is_over


def test_speech_that_the_text_lacks_is_waited_for() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 200)
    endpointer.hear(partial("你吃饭了吗", end_ms=1100, audio_ms=1400))  # its last word ended 300 ms before speech did
    endpointer.sense(False, 1400)

    assert over_at(endpointer) == 1400 + (1400 - 1100) + 50


def test_a_definite_text_from_before_the_last_speech_does_not_hold_that_speech() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 200)
    endpointer.sense(False, 1400)
    endpointer.sense(True, 1900)
    endpointer.hear(definite("你吃饭了吗", end_ms=1390, audio_ms=1950))
    endpointer.sense(False, 2600)

    assert over_at(endpointer) == 2600 + 400 + 50


def test_a_recogniser_that_names_no_times_is_given_the_time_that_its_first_word_took() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.sense(True, 200)
    endpointer.hear(partial("你", audio_ms=600))  # 250 ms after a first word of 150 ms
    endpointer.hear(partial(QUESTION, audio_ms=1500))
    endpointer.sense(False, 1400)

    assert over_at(endpointer) == 1700
    slow = Endpointer(LIMITS)
    slow.sense(True, 200)
    slow.hear(partial("你", audio_ms=850))
    slow.hear(partial(QUESTION, audio_ms=1500))
    slow.sense(False, 1400)
    assert over_at(slow) == 1400 + 500 + 50


def test_words_that_voice_activity_missed_move_the_end() -> None:
    endpointer = silent(STATEMENT)
    endpointer.hear(partial("我想去看海你呢", end_ms=1900, audio_ms=1950))

    assert endpointer.speech_end_ms == 1900
    assert over_at(endpointer) == 2200


def test_nobody_is_kept_waiting_by_noise_that_passes_for_speech() -> None:
    endpointer = silent(STATEMENT)
    endpointer.sense(True, 1500)
    endpointer.hear(definite(f"{STATEMENT}。", audio_ms=2000))

    assert over_at(endpointer) == 1490 + 1200 + 2000
    assert endpointer.speech_end_ms == 1400


def test_nobody_is_kept_waiting_by_noises_one_after_another() -> None:
    endpointer = silent(HALF)
    endpointer.hear(definite(HALF, audio_ms=2000))
    for at_ms in range(2100, 4600, 500):
        endpointer.sense(True, at_ms)
        endpointer.sense(False, at_ms + 200)
    assert not endpointer.is_over

    assert over_at(endpointer) == 1490 + 1200 + 2000


@pytest.mark.parametrize(("text", "ms"), [(QUESTION, 2000), (STATEMENT, 2000), (HALF, 1400 + 1200 + 400)])
def test_without_voice_activity_definite_tells_the_silence(text: str, ms: int) -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.hear(definite(text, end_ms=1400, audio_ms=2000))

    assert (2000 if endpointer.is_over else over_at(endpointer)) == ms


@pytest.mark.parametrize(("text", "ms"), [(QUESTION, 2200), (STATEMENT, 2500), (HALF, 3100)])
def test_without_voice_activity_text_that_stands_still_tells_it_too(text: str, ms: int) -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.hear(partial(text, audio_ms=1500))
    endpointer.hear(partial(f"{text} ", audio_ms=1700))  # a space is no news

    assert over_at(endpointer) == ms


def test_text_that_stands_still_ends_an_utterance_in_the_end() -> None:
    endpointer = Endpointer(replace(LIMITS, unfinished_ms=9000))
    endpointer.hear(partial(HALF, audio_ms=1500))

    assert over_at(endpointer) == 3500


def test_a_mark_is_no_utterance() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.hear(definite("。"))
    endpointer.reach(60_000)

    assert (endpointer.is_over, endpointer.is_plausible, endpointer.wake_at_ms) == (False, False, None)


def test_a_complete_text_is_plausible_after_a_moment_and_no_longer_when_the_caller_goes_on() -> None:
    endpointer = silent(QUESTION)
    assert (endpointer.is_plausible, endpointer.wake_at_ms) == (False, 1590)

    endpointer.reach(1590)
    assert (endpointer.is_plausible, endpointer.is_over, endpointer.wake_at_ms) == (True, False, 1700)

    endpointer.sense(True, 1550)
    assert not endpointer.is_plausible


def test_a_mark_or_a_later_end_of_the_same_words_leaves_them_plausible() -> None:
    endpointer = Endpointer(LIMITS)
    endpointer.hear(partial(QUESTION, end_ms=1400, audio_ms=1400))
    endpointer.reach(1500)
    assert endpointer.is_plausible

    endpointer.hear(partial(f"{QUESTION}？", end_ms=1600, audio_ms=1600))
    assert endpointer.is_plausible

    endpointer.hear(partial(f"{QUESTION}没有", end_ms=1800, audio_ms=1800))
    assert not endpointer.is_plausible


def test_an_open_text_is_not_plausible_before_it_is_over() -> None:
    endpointer = silent(STATEMENT)
    endpointer.reach(1999)
    assert not endpointer.is_plausible

    endpointer.reach(2000)
    assert endpointer.is_plausible


@dataclass(frozen=True)
class Sensed:
    speaking: bool
    at_ms: int


texts = st.sampled_from(["", "。", "你", QUESTION, f"{STATEMENT}。", HALF, f"{HALF}，", "How are you", "and"])
times = st.integers(0, 20_000)
hypotheses = st.builds(Hypothesis, texts, st.booleans(), times, times)
news = st.lists(st.one_of(hypotheses, st.builds(Sensed, st.booleans(), times), times), max_size=30)


def tell(endpointer: Endpointer, each: Hypothesis | Sensed | int) -> None:
    match each:
        case Hypothesis():
            endpointer.hear(each)
        case Sensed(speaking, at_ms):
            endpointer.sense(speaking, at_ms)
        case _:
            endpointer.reach(each)


@given(news)
def test_in_any_order_of_news_only_words_end_an_utterance_and_for_good(news: list[Hypothesis | Sensed | int]) -> None:
    endpointer, clock_ms = Endpointer(LIMITS), 0
    ended: tuple[str, int] | None = None
    for each in news:
        tell(endpointer, each)
        match each:
            case Hypothesis(audio_ms=at_ms) | Sensed(at_ms=at_ms):
                clock_ms = max(clock_ms, at_ms)
            case _:
                clock_ms = max(clock_ms, each)
        now = (endpointer.text, endpointer.speech_end_ms)
        assert ended is None or (endpointer.is_over and now == ended)
        if endpointer.is_over:
            ended = now
            assert any(map(str.isalnum, endpointer.text))
            assert endpointer.is_plausible
        assert endpointer.wake_at_ms is None or endpointer.wake_at_ms > clock_ms


@given(news, texts.filter(lambda text: any(map(str.isalnum, text))))
def test_a_definite_text_ends_within_the_longest_hold_and_the_stable_text(
    news: list[Hypothesis | Sensed | int], text: str
) -> None:
    endpointer = Endpointer(LIMITS)
    for each in news:
        tell(endpointer, each)
    endpointer.hear(Hypothesis(text, definite=True, end_ms=20_000, audio_ms=20_000))

    endpointer.reach(20_000 + LIMITS.unfinished_ms + LIMITS.stable_text_ms)

    assert endpointer.is_over


@given(news)
def test_who_follows_its_wishes_misses_nothing(news: list[Hypothesis | Sensed | int]) -> None:
    woken, stepped = Endpointer(LIMITS), Endpointer(LIMITS)
    for each in news:
        tell(woken, each)
        tell(stepped, each)
    while (at_ms := woken.wake_at_ms) is not None:
        woken.reach(at_ms)
    stepped.reach(60_000)

    assert woken.is_over == stepped.is_over
