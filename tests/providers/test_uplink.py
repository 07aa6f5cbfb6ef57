"""What goes up in a recognition session, and when; and the clocks on either side of what does not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ports import BYTES_PER_MS
from backend.providers.uplink import AudioClock, Packet, Uplink


def sound(ms: int, value: int = 1) -> bytes:
    return bytes([value]) * (ms * BYTES_PER_MS)


def uplink(packet_ms: int = 100, keepalive_s: float = 3.0, backlog_ms: int = 5000) -> Uplink:
    return Uplink(packet_ms=packet_ms, keepalive_s=keepalive_s, backlog_ms=backlog_ms, now=0.0)


def test_small_chunks_are_gathered_into_a_packet() -> None:
    up = uplink()
    for tick in range(4):
        up.put(sound(20), now=tick / 50)
        assert up.take(now=tick / 50) is None

    up.put(sound(20), now=0.08)

    assert up.take(now=0.08) == Packet(sound(100))


def test_what_does_not_fill_a_packet_waits_for_one_packets_length_only() -> None:
    up = uplink()
    up.put(sound(60), now=1.0)

    assert up.deadline == 1.1
    assert up.take(now=1.09) is None
    assert up.take(now=1.1) == Packet(sound(60))


def test_silence_goes_up_when_nothing_else_did_for_long() -> None:
    up = uplink(keepalive_s=3.0)

    assert up.deadline == 3.0
    assert up.take(now=2.9) is None
    assert up.take(now=3.0) == Packet(bytes(100 * BYTES_PER_MS))
    assert up.deadline == 6.0


def test_audio_puts_the_next_silence_off() -> None:
    up = uplink(keepalive_s=3.0)
    up.put(sound(100), now=2.0)
    up.take(now=2.0)

    assert up.deadline == 5.0


def test_the_last_packet_carries_what_was_left() -> None:
    up = uplink()
    up.put(sound(130), now=0.0)
    up.finish()

    assert [up.take(now=0.0), up.take(now=0.0)] == [Packet(sound(100)), Packet(sound(30), is_last=True)]
    assert up.take(now=99.0) is None
    assert up.deadline is None


def test_a_session_without_audio_still_gets_its_last_packet() -> None:
    up = uplink()
    up.finish()

    assert up.take(now=0.0) == Packet(b"", is_last=True)


def test_audio_after_the_end_is_not_taken() -> None:
    up = uplink()
    up.finish()
    up.put(sound(100), now=0.0)

    assert up.take(now=0.0) == Packet(b"", is_last=True)


def test_a_slow_connection_costs_the_oldest_audio_and_the_clock_knows() -> None:
    up = uplink(packet_ms=100, backlog_ms=200)
    up.put(sound(100, 1), now=0.0)
    up.put(sound(200, 2), now=0.1)

    assert up.take(now=0.1) == Packet(sound(100, 2))
    assert up.dropped_bytes == 100 * BYTES_PER_MS
    assert up.clock.caller_ms(50) == 150


def test_times_after_an_inserted_silence_are_the_callers_own() -> None:
    clock = AudioClock()
    clock.sent(400 * BYTES_PER_MS)
    clock.inserted(100 * BYTES_PER_MS)
    clock.inserted(100 * BYTES_PER_MS)
    clock.sent(400 * BYTES_PER_MS)

    assert [clock.caller_ms(ms) for ms in (0, 399, 400, 500, 600, 700, 1000)] == [0, 399, 400, 400, 400, 500, 800]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=60))
def test_every_moment_of_the_callers_audio_is_found_again(steps: list[tuple[bool, int]]) -> None:
    clock = AudioClock()
    service_ms = caller_ms = 0
    expected: dict[int, int] = {}
    for is_audio, ms in steps:
        if is_audio:
            clock.sent(ms * BYTES_PER_MS)
            expected |= {service_ms + at: caller_ms + at for at in (0, ms // 2, ms - 1)}
            caller_ms += ms
        else:
            clock.inserted(ms * BYTES_PER_MS)
            expected |= {service_ms + at: caller_ms for at in (0, ms // 2, ms - 1)}
        service_ms += ms

    assert {at: clock.caller_ms(at) for at in expected} == expected


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(1, 700).map(lambda ms: ("put", ms)), st.floats(0.0, 4.0).map(lambda s: ("pass", s))),
        max_size=40,
    )
)
def test_no_audio_is_lost_or_reordered_and_no_packet_is_late(steps: list[tuple[str, float]]) -> None:
    up = uplink(backlog_ms=10_000_000)
    now, put, sent, silences = 0.0, bytearray(), bytearray(), 0
    for number, (kind, amount) in enumerate(steps):
        if kind == "put":
            chunk = sound(int(amount), 1 + number % 250)
            put += chunk
            up.put(chunk, now)
        else:
            now += amount
        while packet := up.take(now):
            silences += not any(packet.pcm)
            sent += packet.pcm if any(packet.pcm) else b""
        assert up.deadline is not None
        assert up.deadline > now
    up.finish()
    while packet := up.take(now):
        sent += packet.pcm

    assert sent == put
