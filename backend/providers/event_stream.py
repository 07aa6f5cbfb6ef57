"""Server-sent events, as far as chat services use them: the data of each event."""

from typing import Final

MAX_EVENT_BYTES: Final = 1024 * 1024
"""A chunk of an answer has some hundred; a service that begins a longer one would fill the memory."""
_DATA: Final = b"data:"


class EventStream:
    """Takes bytes as they come and gives the data of every event that is whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """Take some more.

        Returns:
            The data of the events that ended with these bytes, several lines of one event joined by newlines.

        Raises:
            ValueError: an event that is longer than any chunk.
        """
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT_BYTES:
            raise ValueError("an event without an end")
        text = self._rest + received
        held = text.endswith(b"\r")  # what follows may be its newline
        lines = (text[:-1] if held else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + (b"\r" if held else b"")
        events = []
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[len(_DATA) :].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events
