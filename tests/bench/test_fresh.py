"""The sentences outside the corpus, and how our rules judge them."""

import pytest

from backend.call.completeness import Completeness, judge
from bench import fresh
from bench.fresh import Half, Place
from tests.data.turns.times import read


def test_there_are_many_and_no_half_holds_a_line_of_the_other() -> None:
    lines = [[line.runs for line in fresh.load(half)] for half in fresh.HALVES]

    assert sum(map(len, lines)) >= 500
    assert not {*lines[0]} & {*lines[1]}


def test_a_line_falls_silent_where_it_is_marked_and_at_its_end() -> None:
    line = read("zh-x lin 八月，// 不，| 九月三号。")

    assert list(fresh.places(line)) == [
        Place("八月", goes_on=True),
        Place("八月，不", goes_on=True),
        Place("八月，不，九月三号", goes_on=False),
    ]


@pytest.mark.parametrize("half", fresh.HALVES)
def test_few_pauses_look_like_the_end_and_few_ends_like_a_pause(half: Half) -> None:
    places = [place for line in fresh.load(half) for place in fresh.places(line)]
    pauses = [judge(place.text) for place in places if place.goes_on]
    ends = [judge(place.text) for place in places if not place.goes_on]

    assert pauses.count(Completeness.COMPLETE) <= 0.08 * len(pauses)
    assert pauses.count(Completeness.UNFINISHED) >= 0.5 * len(pauses)
    assert ends.count(Completeness.UNFINISHED) <= 0.2 * len(ends)
