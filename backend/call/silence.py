"""How long nobody has spoken, and what is due then: to ask whether the caller is there, later to hang up. Pure."""

from enum import Enum, auto
from typing import Final

STIR_S: Final = 2.0
"""Speech that was sensed has so long to become words: nobody is asked, or hung up on, as they begin to speak."""
MOST_STIR_S: Final = 5.0
"""And noise that passes for speech again and again puts things off no longer than this."""


class Due(Enum):
    """What it is time for."""

    NOTHING = auto()
    ASK = auto()
    HANG_UP = auto()


class Silence:
    """The silence of a call. It begins where the voice of a reply ends, which may be long after it was sent.

    Args:
        idle_s: hang up after so much of it.
        ask_before_s: ask so long before that, once a silence; not at all where it is 0, or `idle_s` is no longer.
    """

    def __init__(self, idle_s: float, ask_before_s: float) -> None:
        self._idle_s = idle_s
        self._ask_before_s = ask_before_s if ask_before_s < idle_s else 0.0
        self._since = 0.0
        self._asked = False
        self._left_at: float | None = None
        self._is_excused = False
        self._stirred_at = float("-inf")
        self._voice_until = float("-inf")
        self._missed_s = 0.0

    @property
    def deadline(self) -> float:
        """When something is due next, if all stays quiet."""
        if self._may_ask:
            due = self._since + self._idle_s - self._ask_before_s
        else:
            due = self._since + self._idle_s
            if self._asked:  # who is asked late can still answer
                due = max(due, self._voice_until + self._ask_before_s / 2)
        return min(max(due, self._stirred_at + STIR_S), due + MOST_STIR_S)

    def due(self, now: float) -> Due:
        """What it is time for."""
        if now < self.deadline:
            return Due.NOTHING
        return Due.ASK if self._may_ask else Due.HANG_UP

    def begin(self, now: float) -> None:
        """A reply, or the way into the call, is over."""
        self._since = max(now, self._voice_until)

    def end(self, now: float) -> None:
        """The caller has spoken: what follows is another silence."""
        self._since = max(now, self._voice_until)
        self._asked = False
        self._is_excused = False

    def leave(self, now: float) -> None:
        """The line is cut."""
        if self._left_at is None:
            self._left_at = now

    def come_back(self, now: float) -> None:
        """It is there again, what was missed is played, and the silence goes on.

        The time between does not count, once; then it does.
        """
        if self._missed_s:
            self._voice_until = max(self._voice_until, now) + self._missed_s
            self._missed_s = 0.0
        if self._left_at is not None and not self._is_excused:
            self._since += max(0.0, now - max(self._left_at, self._since))
            self._is_excused = True
        self._left_at = None

    def ask(self) -> None:
        """The caller is being asked; the silence goes on."""
        self._asked = True

    def stir(self, now: float) -> None:
        """Someone may have begun to speak; there are no words yet."""
        self._stirred_at = now

    def sound(self, ms: float, now: float) -> None:
        """So much of her voice was sent, to be heard after what was sent before, and not while the line is cut."""
        if self._left_at is not None:
            self._missed_s += ms / 1000
            return
        self._voice_until = max(self._voice_until, now) + ms / 1000

    def hush(self, now: float) -> None:
        """She was cut off: what was sent is not played on."""
        self._missed_s = 0.0
        self._voice_until = min(self._voice_until, now)

    @property
    def voice_until(self) -> float:
        """When what was sent of her voice will have been played."""
        return self._voice_until

    @property
    def _may_ask(self) -> bool:
        return self._ask_before_s > 0 and not self._asked
