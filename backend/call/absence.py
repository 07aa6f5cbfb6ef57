"""While the line is cut and the caller may come back: what had reached him, and what waits to be said to him. Pure."""

from copy import deepcopy

from backend.call.moves import ReplyEnded
from backend.call.said import Said


class Absence:
    """The reply goes on being made, but is not over before somebody can be told."""

    def __init__(self) -> None:
        self.is_away = False
        self._reached: Said | None = None
        self._ended: ReplyEnded | None = None

    def begin(self, said: Said) -> None:
        """The line is cut; `said` is what had been sent of the reply under way."""
        if not self.is_away:
            self.is_away, self._reached = True, deepcopy(said)

    def end(self) -> ReplyEnded | None:
        """The caller is back; the end of the reply, if it came meanwhile."""
        ended, self._ended = self._ended, None
        self.is_away, self._reached = False, None
        return ended

    def turn_begins(self) -> None:
        """Nothing of this turn has reached anybody."""
        if self.is_away:
            self._reached = Said()

    def keeps(self, ended: ReplyEnded) -> bool:
        """Whether the end of the reply has to wait for the caller; it is then kept."""
        if self.is_away:
            self._ended = ended
        return self.is_away

    def reached(self, said: Said) -> Said:
        """What the caller was sent of the reply while he was there."""
        return self._reached or said
