"""A profile is readable."""

from bench.profile import shown


def test_a_profile_shows_the_dearest_first_and_leaves_waiting_out() -> None:
    rows = [("a", 1.0, 2.0, 10), ("~:0 <method 'poll' of 'select.epoll' objects>", 50.0, 50.0, 9), ("b", 3.0, 3.0, 1)]

    assert shown(rows, 5) == [["b", "3.000", "75.0", "3.000", "1"], ["a", "1.000", "25.0", "2.000", "10"]]
