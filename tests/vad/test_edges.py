"""From probabilities to edges; no model."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.vad.edges import ONSET_WINDOWS, SILENCE_MS, SPEECH, STILL_SPEECH, Change, Edges
from backend.vad.windows import WINDOW_MS, Window

TALK, DOUBT, HUSH = 0.9, 0.42, 0.05


def changes(*runs: tuple[float, int], edges: Edges | None = None, loud: bool = True, at: int = 0) -> list[Change]:
    """Of runs of (probability, windows)."""
    edges, found = edges or Edges(), []
    for probability, count in runs:
        found += [edges.judge(Window(index, b"", loud), probability) for index in range(at, at + count)]
        at += count
    return [change for change in found if change]


def test_speech_begins_and_ends_where_it_did() -> None:
    assert changes((HUSH, 10), (TALK, 20), (HUSH, 10)) == [Change(True, 320), Change(False, 960)]


def test_both_edges_are_noticed_after_96_ms() -> None:
    edges = Edges()

    assert changes((TALK, 2), edges=edges) == []
    assert changes((TALK, 1), edges=edges, at=2) == [Change(True, 0)]
    assert changes((HUSH, 2), edges=edges, at=3) == []
    assert changes((HUSH, 1), edges=edges, at=5) == [Change(False, 96)]


def test_a_click_is_no_speech_and_a_short_gap_no_silence() -> None:
    assert changes((TALK, 2), (HUSH, 10), (TALK, 2)) == []
    assert changes((TALK, 5), (HUSH, 2), (TALK, 5), (HUSH, 2), (TALK, 1)) == [Change(True, 0)]


def test_doubt_goes_on_with_speech_but_does_not_begin_it() -> None:
    assert changes((DOUBT, 100)) == []
    assert changes((TALK, 5), (DOUBT, 100)) == [Change(True, 0)]


def test_what_the_model_still_calls_speech_once_its_sound_has_faded_is_silence() -> None:
    edges = Edges()
    changes((TALK, 10), edges=edges)
    faded = changes((TALK, 2), edges=edges, loud=False, at=10)

    assert faded + changes((HUSH, 1), edges=edges, at=12) == [Change(False, 320)]


def test_soft_speech_is_speech_for_as_long_as_the_model_says_so() -> None:
    assert changes((TALK, 50), (HUSH, 5), loud=False) == [Change(True, 0), Change(False, 1600)]


def test_what_the_gate_held_back_was_silence() -> None:
    edges = Edges()
    changes((TALK, 10), edges=edges)

    assert edges.judge(Window(30, b"", loud=True, hushed=20), HUSH) == Change(False, 320)


def test_windows_that_are_missing_end_no_speech() -> None:
    edges = Edges()
    changes((TALK, 10), edges=edges)

    assert changes((HUSH, 2), edges=edges, at=40) == []
    assert changes((HUSH, 1), edges=edges, at=42) == [Change(False, 40 * WINDOW_MS)]


def test_windows_that_are_missing_begin_no_speech() -> None:
    edges = Edges()
    changes((TALK, 2), edges=edges)

    assert changes((TALK, 2), edges=edges, at=10) == []
    assert changes((TALK, 1), edges=edges, at=12) == [Change(True, 10 * WINDOW_MS)]


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 0, 1, 3, 9]),  # windows held back
        st.sampled_from([0, 0, 0, 0, 1, 9]),  # windows missing
        st.booleans(),
        st.sampled_from([HUSH, DOUBT, TALK, TALK]),
    ),
    max_size=80,
)


@given(steps)
def test_edges_take_turns_forward_in_time_and_rest_on_what_was_heard(given: list[tuple[int, int, bool, float]]) -> None:
    edges, index, heard, found = Edges(), -1, {}, []
    for hushed, missing, loud, probability in given:
        index += 1 + hushed + missing
        heard.update(dict.fromkeys(range(index - hushed, index), 0.0))
        heard[index] = probability
        if change := edges.judge(Window(index, b"", loud, hushed), probability):
            found.append(change)
            now_ms = (index + 1) * WINDOW_MS
            since = [heard.get(at) for at in range(change.at_ms // WINDOW_MS, index + 1)]
            if change.speaking:
                assert len(since) == ONSET_WINDOWS
                assert all(seen is not None and seen >= SPEECH for seen in since)
            else:
                assert now_ms - change.at_ms >= SILENCE_MS
                assert None not in since
                assert probability < STILL_SPEECH

    assert [change.speaking for change in found] == [at % 2 == 0 for at in range(len(found))]
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(found))
