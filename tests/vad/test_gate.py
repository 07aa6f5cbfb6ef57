"""What the gate lets through to the model."""

from hypothesis import given
from hypothesis import strategies as st

from backend.vad.gate import HANGOVER_WINDOWS, LEAD_WINDOWS, EnergyGate
from backend.vad.windows import CONTEXT_BYTES, WINDOW_SAMPLES, Cutter, Window
from tests.vad.sounds import noise, silence, tone

HUSH = bytes(CONTEXT_BYTES + 2 * WINDOW_SAMPLES)
LOUD = bytes(CONTEXT_BYTES) + tone(32)


def passed(gate: EnergyGate, sounds: list[bytes], *, speaking: bool = False) -> list[Window]:
    return [window for sound in sounds for window in gate.take(sound, speaking=speaking)]


def test_silence_never_reaches_the_model() -> None:
    assert passed(EnergyGate(), [HUSH] * 1000) == []


def test_a_soft_room_never_reaches_the_model() -> None:
    assert passed(EnergyGate(), list(Cutter().cut(noise(20_000, 150)))) == []


def test_a_fan_reaches_the_model_until_the_gate_knows_it() -> None:
    windows = passed(EnergyGate(), list(Cutter().cut(silence(1000) + noise(20_000, 800))))

    assert windows[0].index > 20
    assert windows[-1].index < 10_000 // 32


def test_what_came_right_before_sound_goes_with_it() -> None:
    first, *others = passed(EnergyGate(), [HUSH] * 50 + [LOUD])

    assert [window.loud for window in (first, *others)] == [False] * LEAD_WINDOWS + [True]
    assert (first.index, first.hushed) == (50 - LEAD_WINDOWS, 50 - LEAD_WINDOWS)


def test_after_sound_the_model_hears_it_fade_and_no_more() -> None:
    gate = EnergyGate()
    passed(gate, [LOUD])

    assert [window.index for window in passed(gate, [HUSH] * 100)] == list(range(1, 1 + HANGOVER_WINDOWS))


def test_while_someone_speaks_all_of_it_reaches_the_model() -> None:
    assert len(passed(EnergyGate(), [HUSH] * 100, speaking=True)) == 100


@given(st.lists(st.tuples(st.sampled_from([HUSH, LOUD]), st.booleans()), max_size=80))
def test_every_window_is_passed_or_counted_once_and_in_order(steps: list[tuple[bytes, bool]]) -> None:
    gate, next_index = EnergyGate(), 0

    for at, (sound, speaking) in enumerate(steps):
        for window in gate.take(sound, speaking=speaking):
            assert window.index == next_index + window.hushed
            assert window.sound == steps[window.index][0]
            next_index = window.index + 1
        assert next_index == at + 1 or not (speaking or sound == LOUD)
