"""Where in a call's frames a client is: what `?resume=TURN:FRAME` says.

Source: README, "Wire protocol", section 5, "Resuming after a cut".
"""

import re
from dataclasses import dataclass
from typing import Final

_TEXT: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The last frame that a client has.

    Attributes:
        turn: how many SentenceRecognized came in this call.
        frame: how many frames came since the last of them, and with it; before the first, since BotReady without it.
    """

    turn: int = 0
    frame: int = 0

    def __str__(self) -> str:
        return f"{self.turn}:{self.frame}"

    def following(self, *, begins_turn: bool) -> "Position":
        """That of the next frame."""
        return Position(self.turn + 1, 1) if begins_turn else Position(self.turn, self.frame + 1)


def parse_position(text: str) -> Position | None:
    """TURN:FRAME; None for anything else."""
    found = _TEXT.fullmatch(text)
    return None if found is None else Position(int(found[1]), int(found[2]))
