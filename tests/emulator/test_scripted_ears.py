"""When the scripted ears have heard something: by audio alone, however it is cut into packets."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.base import Heard, HearOptions, Utterance
from emulator.engines.scripted_ears import ScriptedEars
from emulator.prompter import Prompter
from emulator.script import Script
from emulator.script import Utterance as Line

MS = 32
SILENCE, SPEECH = bytes(MS), b"\x00\x20" * 8 + b"\x00\xe0" * 8


def ears(script: Script, *, end_window_ms: int = 300) -> ScriptedEars:
    return ScriptedEars(Prompter(script), HearOptions(end_window_ms=end_window_ms))


def by_speech(*texts: str) -> Script:
    return Script(hears=tuple(Line(text=text, after_ms=None) for text in texts))


def test_a_counted_line_is_heard_after_its_audio_even_if_silent() -> None:
    heard = ears(Script(hears=(Line(text="好", after_ms=200),))).feed(SILENCE * 500)

    assert heard == [Heard(200, (Utterance("好", 0, 200, definite=True),))]


def test_a_counted_line_is_not_heard_before_its_audio() -> None:
    assert ears(Script(hears=(Line(text="好", after_ms=200),))).feed(SILENCE * 190) == []


def test_partials_are_spread_over_the_way_there() -> None:
    heard = ears(Script(hears=(Line(text="你好吗", partials=("你", "你好"), after_ms=300),))).feed(SILENCE * 300)

    assert [(result.audio_ms, result.text) for result in heard] == [(100, "你"), (200, "你好"), (300, "你好吗")]
    assert [result.utterances[-1].definite for result in heard] == [False, False, True]


def test_a_session_hears_one_counted_line_unless_the_script_says_more() -> None:
    lines = (Line(text="一", after_ms=100), Line(text="二", after_ms=100))

    one = ears(Script(hears=lines)).feed(SILENCE * 1000)
    more = ears(Script(hears=lines, many_per_session=True)).feed(SILENCE * 1000)

    assert [result.text for result in one] == ["一"]
    assert [result.text for result in more] == ["一", "一二"]


def test_the_second_line_is_for_the_next_session() -> None:
    prompter = Prompter(Script(hears=("一", "二")))
    first, second = ScriptedEars(prompter, HearOptions()), ScriptedEars(prompter, HearOptions())

    assert [result.text for result in first.feed(SILENCE * 1000)] == ["一"]
    assert [result.text for result in second.feed(SILENCE * 1000)] == ["二"]


def test_a_session_that_hears_nothing_uses_no_line() -> None:
    prompter = Prompter(Script(hears=("一",)))
    ScriptedEars(prompter, HearOptions()).feed(SILENCE * 299)

    assert prompter.left()["hears"]


def test_speech_is_definite_after_the_end_window_of_silence() -> None:
    heard = ears(by_speech("喂")).feed(SILENCE * 100 + SPEECH * 400 + SILENCE * 300)

    assert heard == [Heard(800, (Utterance("喂", 100, 500, definite=True),))]


def test_a_pause_shorter_than_the_end_window_does_not_end_the_sentence() -> None:
    heard = ears(by_speech("喂")).feed((SPEECH * 400 + SILENCE * 290) * 3)

    assert heard == []


def test_every_stretch_of_speech_is_a_line_of_its_own() -> None:
    heard = ears(by_speech("一", "二")).feed((SPEECH * 200 + SILENCE * 300) * 2)

    assert [result.text for result in heard] == ["一", "一二"]


def test_a_click_is_no_speech() -> None:
    assert ears(by_speech("喂")).feed((SPEECH * 20 + SILENCE * 480) * 4) == []


def test_finishing_settles_a_sentence_that_is_under_way() -> None:
    listener = ears(by_speech("喂"))
    listener.feed(SPEECH * 400)

    assert listener.finish().utterances == (Utterance("喂", 0, 400, definite=True),)


def test_finishing_in_silence_hears_nothing() -> None:
    listener = ears(by_speech("喂"))
    listener.feed(SILENCE * 400)

    assert listener.finish() == Heard(400, ())


def test_without_partials_only_whole_sentences_are_told() -> None:
    script = Script(hears=(Line(text="你好", partials=("你",), after_ms=200),))
    listener = ScriptedEars(Prompter(script), HearOptions(partials=False))

    assert [result.text for result in listener.feed(SILENCE * 200)] == ["你好"]


stretches = st.lists(st.tuples(st.sampled_from([SILENCE, SPEECH]), st.integers(1, 700)), max_size=6)


@given(stretches, st.lists(st.integers(1, 9000), min_size=1, max_size=20))
def test_what_is_heard_does_not_depend_on_the_packets(sound: list[tuple[bytes, int]], cuts: list[int]) -> None:
    pcm = b"".join(piece * count for piece, count in sound)
    script = Script(hears_always=Line(text="嗯", partials=("唔",), after_ms=None))
    whole, in_pieces = ears(script), ears(script)

    expected = [*whole.feed(pcm), whole.finish()]
    heard: list[Heard] = []
    at = 0
    for size in cuts:
        heard += in_pieces.feed(pcm[at : at + size])
        at += size
    heard += [*in_pieces.feed(pcm[at:]), in_pieces.finish()]

    assert heard == expected
