"""Holds clear silence back from the model. Pure."""

from collections import deque
from typing import Final

from backend.loudness import NoiseFloor, levels
from backend.vad.windows import CONTEXT_BYTES, WINDOW_MS, WINDOW_SAMPLES, Window

LEAD_WINDOWS: Final = 3
"""Speech begins softly: as many windows from before the first loud one go to the model with it."""

HANGOVER_WINDOWS: Final = 7
"""After the last loud window the model judges as many more, so that it hears speech fade."""

_OVER_FLOOR: Final = 2.0  # 6 dB: the model decides, the gate only spares it work


class EnergyGate:
    """One call's gate. While someone speaks it stays open however soft that is: the model says when it is over."""

    def __init__(self) -> None:
        self._floor = NoiseFloor(WINDOW_MS, _OVER_FLOOR)
        self._lead: deque[Window] = deque(maxlen=LEAD_WINDOWS)
        self._next = 0
        self._last_given = -1
        self._quiet = HANGOVER_WINDOWS + 1

    def take(self, sound: bytes, *, speaking: bool) -> list[Window]:
        """The windows for the model that this one makes due; mostly itself or none.

        Args:
            sound: the next window, with its context.
            speaking: whether, as far as is known, someone is.
        """
        loud = self._floor.is_loud(levels(sound[CONTEXT_BYTES:], WINDOW_SAMPLES)[0])
        window = Window(self._next, sound, loud)
        self._next += 1
        self._quiet = 0 if loud else self._quiet + 1
        if not speaking and self._quiet > HANGOVER_WINDOWS:
            self._lead.append(window)
            return []
        due = [*self._lead, window]
        self._lead.clear()
        return self._marked(due)

    def _marked(self, due: list[Window]) -> list[Window]:
        first = due[0]
        if hushed := first.index - self._last_given - 1:
            due[0] = Window(first.index, first.sound, first.loud, hushed)
        self._last_given = due[-1].index
        return due
