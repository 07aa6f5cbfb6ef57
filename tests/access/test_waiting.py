"""Who waits, and who has to go."""

from backend.access.waiting import WaitingRoom


class Room:
    def __init__(self, most: int) -> None:
        self.room = WaitingRoom(most)
        self.out: list[str] = []

    def enter(self, address: str, who: str) -> None:
        self.room.enter(address, who, lambda: self.out.append(who))


def test_the_oldest_of_the_address_that_has_the_most_gives_way() -> None:
    here = Room(3)
    for address, who in (("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3"), ("c", "c1"), ("a", "a4")):
        here.enter(address, who)

    assert here.out == ["a1", "a2", "a3"]
    assert len(here.room) == 3


def test_who_has_left_is_not_turned_out() -> None:
    here = Room(1)
    here.enter("a", "a1")
    here.room.leave("a", "a1")
    here.room.leave("a", "a1")
    here.room.leave("b", "never there")
    here.enter("a", "a2")

    assert (here.out, len(here.room)) == ([], 1)


def test_nothing_is_remembered_of_those_who_have_gone() -> None:
    here = Room(10)
    for number in range(1000):
        here.enter(str(number), "x")
    for number in range(1000):
        here.room.leave(str(number), "x")

    assert (len(here.room), here.room._waiting) == (0, {})
