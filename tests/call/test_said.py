"""What was heard of a reply."""

from hypothesis import given
from hypothesis import strategies as st

from backend.call.said import Said


def test_without_a_report_what_was_sent_counts_as_heard() -> None:
    spoken = Said()
    spoken.sentence("你好呀。")
    spoken.sound(800)
    spoken.complete()

    assert spoken.heard == "你好呀。"


def test_a_report_cuts_the_sentence_where_the_speaker_stopped() -> None:
    spoken = Said()
    spoken.sentence("一二三四五。")
    spoken.sound(1000)
    spoken.sentence("六七八九十。")
    spoken.sound(1000)
    spoken.complete()
    spoken.played(1400)

    assert spoken.heard == "一二三四五。六七"
    assert spoken.sent == "一二三四五。六七八九十。"


def test_english_is_cut_between_words() -> None:
    spoken = Said()
    spoken.sentence("Tomorrow everything changes.")
    spoken.sound(2000)
    spoken.complete()
    spoken.played(1000)

    assert spoken.heard.strip() == "Tomorrow"


def test_a_sentence_still_on_its_way_is_measured_by_the_usual_pace() -> None:
    spoken = Said()
    spoken.sentence("一二三四五六七八九十")
    spoken.sound(600)  # of some 2000

    assert spoken.heard == "一二三"


def test_nothing_played_is_nothing_heard() -> None:
    spoken = Said()
    spoken.sentence("你好")
    spoken.sound(400)
    spoken.played(0)

    assert spoken.heard == ""


def test_around_is_what_comes_out_of_the_speaker_now() -> None:
    spoken = Said()
    for text in "甲乙丙丁戊己":
        spoken.sentence(text)
        spoken.sound(1000)
    spoken.played(500)

    assert spoken.around() == "甲乙"


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=20), st.floats(0, 5000)), max_size=6),
    st.one_of(st.none(), st.floats(0, 40_000)),
)
def test_what_was_heard_begins_what_was_sent(sentences: list[tuple[str, float]], played_ms: float | None) -> None:
    spoken = Said()
    for text, ms in sentences:
        spoken.sentence(text)
        spoken.sound(ms)
    if played_ms is not None:
        spoken.played(played_ms)

    assert spoken.sent.startswith(spoken.heard)
