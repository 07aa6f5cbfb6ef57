"""The calls that wait for their clients, by conversation: who comes back to one, and what a newcomer is told."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from backend.connections.kept_line import Connection, KeptLine, ResumeLimits
from backend.protocol.events import Query
from backend.protocol.position import Bookmark


class Resumption:
    """Keeps the lines of those who asked for it."""

    def __init__(self, limits: ResumeLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lines: dict[str, KeptLine] = {}
        self._left: dict[str, float] = {}

    def find(self, sid: str | None, bookmark: Bookmark | None) -> KeptLine | None:
        """The line that a client which left off there can go on with: its own, and no other of the conversation."""
        line = self._lines.get(sid or "")
        return line if line is not None and bookmark is not None and line.can_resume(bookmark) else None

    def keep(self, connection: Connection, query: Query) -> KeptLine | None:
        """A line for a new call, if its client asked for one that outlives its connection, and may have it."""
        if not query.keep or not self._limits.seconds:
            return None
        return KeptLine(connection, query.framing, self._limits)

    def ready(self, query: Query, line: KeptLine | None) -> dict[str, Any]:
        """What the BotReady of a new call says besides, which may have a line to be kept."""
        return {} if line is None else {"resume": line.stands(refused=self._refused(query))}

    def enter(self, sid: str, line: KeptLine) -> None:
        """The call with this line has begun; another one's with this conversation can no longer be resumed."""
        self._forget()
        line.sid = sid
        line.is_only_one = sid not in self._lines and sid not in self._left
        self._lines[sid] = line

    def leave(self, line: KeptLine) -> None:
        """The call is over. For a while its client may not know, and come back."""
        line.end()
        self._left.pop(line.sid, None)
        self._left[line.sid] = self._clock() + self._limits.seconds
        if self._lines.get(line.sid) is line:
            del self._lines[line.sid]

    def close(self) -> None:
        """The server is about to stop: nobody is waited for."""
        self._limits = replace(self._limits, seconds=0)
        for line in self._lines.values():
            line.wait_no_longer()

    def _forget(self) -> None:
        """The calls whose clients no longer come back; those that ended first stand first."""
        for sid, until in list(self._left.items()):
            if until > self._clock():
                return
            del self._left[sid]

    def _refused(self, query: Query) -> str:
        if query.bookmark is None:
            return ""
        line = self._lines.get(query.sid or "")
        return "gone" if line is not None and line.waits_for(query.bookmark) else "unknown"
