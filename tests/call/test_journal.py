"""The ring of frames: what it holds, forgets and gives again."""

from hypothesis import given
from hypothesis import strategies as st

from backend.call.journal import ENTRY_BYTES, Journal
from backend.protocol.position import Position

ROOM = 10 * ENTRY_BYTES


def filled(frames: int, sent: int, max_bytes: int = ROOM) -> Journal:
    """So many empty frames of turn 1, the first of them sent."""
    journal = Journal(max_bytes)
    for number in range(frames):
        journal.add(b"", begins_turn=number == 0)
        if number < sent:
            journal.pass_on()
    return journal


def waiting(journal: Journal) -> list[Position]:
    found = []
    while (entry := journal.next) is not None:
        found.append(entry.position)
        journal.pass_on()
    return found


def test_frames_are_counted_from_each_turns_beginning() -> None:
    journal = Journal(ROOM)

    assert [journal.add(b"", begins_turn=begins) for begins in (False, True, False, True)] == [
        Position(0, 1),
        Position(1, 1),
        Position(1, 2),
        Position(2, 1),
    ]


def test_what_follows_a_frame_is_given_again_in_order() -> None:
    journal = filled(5, sent=4)
    journal.go_back_to(Position(1, 2))

    assert waiting(journal) == [Position(1, 3), Position(1, 4), Position(1, 5)]


def test_a_client_may_have_a_frame_whose_sending_was_not_seen_to_end() -> None:
    journal = filled(5, sent=2)
    journal.go_back_to(Position(1, 3))

    assert waiting(journal) == [Position(1, 4), Position(1, 5)]


def test_sent_frames_make_way_for_newer_ones_down_to_half_of_the_room() -> None:
    journal = filled(10, sent=10)
    for _ in range(4):
        journal.add(b"")

    assert not journal.can_follow(Position(1, 3))
    assert journal.can_follow(Position(1, 4))
    assert journal.has_room(0)
    journal.add(b"")
    assert not journal.has_room(0)
    assert journal.can_follow(Position(1, 5))


def test_a_frame_that_was_never_sent_cannot_be_followed() -> None:
    assert not filled(3, sent=3).can_follow(Position(1, 4))
    assert not filled(3, sent=3).can_follow(Position(2, 1))


def test_a_frame_that_is_larger_than_the_room_is_taken_alone() -> None:
    journal = Journal(ROOM)
    assert journal.has_room(10 * ROOM)
    journal.add(bytes(10 * ROOM))
    assert not journal.has_room(0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 300), st.booleans()),
            st.tuples(st.just("pass"), st.just(0), st.just(False)),
            st.tuples(st.just("back"), st.integers(0, 40), st.just(False)),
        ),
        max_size=120,
    )
)
def test_it_keeps_to_its_bound_and_never_forgets_what_waits(steps: list[tuple[str, int, bool]]) -> None:
    journal, model, passed = Journal(ROOM), list[tuple[Position, bytes]](), 0
    for step, size, begins in steps:
        if step == "add" and journal.has_room(size):
            model.append((journal.add(bytes(size), begins_turn=begins), bytes(size)))
        elif step == "pass" and journal.next is not None:
            journal.pass_on()
            passed += 1
        elif step == "back" and model and journal.can_follow(model[size % len(model)][0]):
            passed = size % len(model) + 1
            journal.go_back_to(model[passed - 1][0])
        assert journal.bytes_held <= ROOM
        expected = model[passed] if passed < len(model) else None
        entry = journal.next
        assert (None if entry is None else (entry.position, entry.data)) == expected
