"""Where in which call's frames a client is: what `?resume=TURN:FRAME:CALL` says.

Source: README, "Wire protocol", section 5, "Resuming after a cut".
"""

import re
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final

_TEXT: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,9})(?::([A-Za-z0-9_-]{8,64}))?")


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


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a client left off, by its own account.

    Attributes:
        position: the last frame that it has.
        call: the name of the call that this was a frame of; empty if the client names none.
    """

    position: Position
    call: str = field(default="", repr=False)

    def is_in(self, call: str) -> bool:
        """Whether it was left in the call of this name."""
        return compare_digest(self.call, call)


def parse_bookmark(text: str) -> Bookmark | None:
    """TURN:FRAME:CALL, or TURN:FRAME of a client that names none; None for anything else."""
    found = _TEXT.fullmatch(text)
    return None if found is None else Bookmark(Position(int(found[1]), int(found[2])), found[3] or "")
