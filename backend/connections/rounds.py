"""Sockets that have more to say than one turn holds: all of them together are heard only so much at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

MOST_AT_ONCE: Final = 64
"""Frames, or what takes as long, of all that wait; who has said little waits for nothing else."""


class Rounds:
    """Lets the sockets of one port take turns, in the order in which they came.

    Args:
        most: that is heard of all of them before the others have their turn.
    """

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._waiting: deque[Callable[[], int]] = deque()
        self._is_due = False

    def wait(self, take_turn: Callable[[], int]) -> None:
        """Have this called when it is its turn; it says how much it has taken."""
        self._waiting.append(take_turn)
        self._make_due()

    def _go_round(self) -> None:
        self._is_due = False
        taken, turns = 0, len(self._waiting)  # nobody twice
        while turns and taken < self._most:
            turns -= 1
            taken += self._waiting.popleft()()
        if self._waiting:
            self._make_due()

    def _make_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._go_round)
