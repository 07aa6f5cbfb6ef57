"""A caller speaks in turn and notes what it hears, and when."""

from backend.protocol.frames import AudioFrame, EventFrame, encode
from bench.dialects import Ours, Relayed
from bench.load import BUFFER_MS, GIVE_UP_S, Caller, Notes
from bench.plan import PAUSE_MS
from bench.upstream import frame

SECOND = 1_000_000_000
MS = 1_000_000
SPEECH = [b"one", b"two", b"three"]
QUIET = b"quiet"
TEN_MS = bytes(80)


def caller(notes: Notes, speaks_at: float = 1.0) -> Caller:
    return Caller(notes, Ours(), SPEECH, QUIET, speaks_at)


def event(name: str, **payload: object) -> bytes:
    return encode(EventFrame(name, payload))


def said(who: Caller, *dues: float) -> list[bytes]:
    return [who.next_frame(due) for due in dues]


def test_a_caller_speaks_at_its_time_and_speech_ends_with_its_last_frame() -> None:
    notes = Notes()

    assert said(caller(notes), 0.9, 1.0, 1.1, 1.2, 1.3) == [QUIET, *SPEECH, QUIET]
    assert [turn.spoke_ns for turn in notes.turns] == [round(1.2 * SECOND)]


def test_a_caller_notes_the_recognition_the_first_sound_and_the_reply() -> None:
    notes = Notes()
    who = caller(notes)
    said(who, 1.0, 1.1, 1.2)

    who.take(event("SentenceRecognized", sentence="hello"), 3 * SECOND)
    who.take(event("TTSSentenceStart", sentence="hi"), 4 * SECOND)
    who.take(encode(AudioFrame(TEN_MS)), 5 * SECOND)
    who.take(event("TTSSentenceStart", sentence="there"), 5 * SECOND + MS)
    who.take(encode(AudioFrame(TEN_MS)), 5 * SECOND + 2 * MS)
    who.take(event("TTSDone"), 8 * SECOND)

    (turn,) = notes.turns
    assert (turn.recognised_ns, turn.sentence, turn.sound_ns) == (3 * SECOND, "hi", 5 * SECOND)
    assert (turn.done_ns, turn.dry) == (8 * SECOND, 0)
    assert notes.replies == [(3 * SECOND, 8 * SECOND)]


def test_a_caller_speaks_again_a_pause_after_the_last_sound_of_the_reply() -> None:
    who = caller(Notes())
    said(who, 1.0, 1.1, 1.2)
    who.take(encode(AudioFrame(TEN_MS)), 5 * SECOND)

    again = 5.01 + PAUSE_MS / 1000
    assert said(who, again - 0.01, again + 0.01) == [QUIET, SPEECH[0]]


def test_sound_that_comes_after_the_jitter_buffer_ran_dry_is_a_gap() -> None:
    notes = Notes()
    who = caller(notes)
    said(who, 1.0, 1.1, 1.2)
    who.take(encode(AudioFrame(TEN_MS)), 5 * SECOND)
    who.take(encode(AudioFrame(TEN_MS)), 5 * SECOND + round((10 + BUFFER_MS - 1) * MS))
    assert notes.turns[0].dry == 0

    who.take(encode(AudioFrame(TEN_MS)), 6 * SECOND)

    assert notes.turns[0].dry == 1


def test_a_caller_waits_for_an_answer_and_then_gives_it_up_and_asks_again() -> None:
    notes = Notes()
    who = caller(notes)
    said(who, 1.0, 1.1, 1.2)

    assert said(who, 1.2 + GIVE_UP_S - 0.1) == [QUIET]
    assert notes.lost == 0
    assert said(who, 1.3 + GIVE_UP_S) == [SPEECH[0]]
    assert notes.lost == 1


def test_an_error_is_counted() -> None:
    notes = Notes()

    caller(notes).take(event("BotError", error={"code": "ASRFailed", "message": "no"}), SECOND)

    assert notes.errors == 1


def test_what_the_server_says_of_a_turn_is_kept() -> None:
    notes = Notes()
    who = caller(notes)
    said(who, 1.0, 1.1, 1.2)

    who.take(event("TurnMetrics", endpoint=310, usage={"tokens": 3}), 3 * SECOND)

    assert notes.turns[0].metrics == {"endpoint": 310}


def test_what_comes_through_the_relay_tells_its_own_delay() -> None:
    notes = Notes()
    sound = frame(0xB, (2 * SECOND).to_bytes(8, "big") + bytes(100))
    who = Caller(notes, Relayed(), SPEECH, QUIET, 1.0)

    who.take(sound, 2 * SECOND + 700)
    who.take(frame(0x9, bytes(90)), 3 * SECOND)

    assert notes.in_flight_ns == [(2 * SECOND + 700, 700)]
