"""A caller speaks in turn and notes what it hears, and when."""

from backend.protocol.frames import AudioFrame, EventFrame, encode
from bench.load import Conversation, Notes, Trickle
from bench.upstream import frame

SECOND = 1_000_000_000


def event(name: str, **payload: object) -> bytes:
    return encode(EventFrame(name, payload))


def one_turn(ears: Conversation) -> None:
    ears.take(event("SentenceRecognized", sentence="hello"), 3 * SECOND)
    ears.take(event("TTSSentenceStart", sentence="hi"), 4 * SECOND)
    ears.take(encode(AudioFrame(b"first")), 5 * SECOND)
    ears.take(event("TTSSentenceStart", sentence="there"), 6 * SECOND)
    ears.take(encode(AudioFrame(b"second")), 7 * SECOND)
    ears.take(event("TTSDone"), 8 * SECOND)


def test_a_caller_notes_the_recognition_the_first_sound_and_the_reply() -> None:
    notes = Notes()

    one_turn(Conversation(notes, speaks_at=1))

    assert notes.recognised == {"hello": 3 * SECOND}
    assert notes.first_sound == {"hi": 5 * SECOND}
    assert notes.replies == [(3 * SECOND, 8 * SECOND)]


def test_a_caller_speaks_for_a_second_and_again_a_pause_after_the_reply() -> None:
    ears = Conversation(Notes(), speaks_at=1)

    assert [ears.speaks(at) for at in (0.9, 1.0, 1.9, 2.0)] == [False, True, True, False]
    one_turn(ears)
    assert [ears.speaks(at) for at in (10.0, 10.1, 11.0, 11.2)] == [False, True, True, False]


def test_a_turn_that_never_ends_is_lost_and_another_begins() -> None:
    notes = Notes()
    ears = Conversation(notes, speaks_at=1)

    assert ears.speaks(16.1)
    assert notes.lost == 1


def test_an_error_is_counted() -> None:
    notes = Notes()

    Conversation(notes, 0).take(event("BotError", error={"code": "ASRFailed", "message": "no"}), SECOND)

    assert notes.errors == 1


def test_what_comes_through_the_relay_tells_its_own_delay() -> None:
    notes = Notes()
    sound = frame(0xB, (2 * SECOND).to_bytes(8, "big") + bytes(100))

    Trickle(notes).take(sound, 2 * SECOND + 700)
    Trickle(notes).take(frame(0x9, bytes(90)), 3 * SECOND)

    assert notes.in_flight_ns == [(2 * SECOND + 700, 700)]
