"""Makes a streamed reply fit to be read aloud, whatever the pieces it comes in.

Five steps, each taking one character at a time, so that cutting the text elsewhere changes nothing:

1. `Lines`: markers at the beginning of a line; tables.
2. `Emphasis`: bold, struck, code.
3. `Asides`: stage directions; links keep their text.
4. `Faces`, `Symbols`: emoji and text faces.
5. `Tidy`: repeated marks and blanks.

Numbers, dates and units are left to the synthesiser.
"""

from typing import Final, Protocol

from backend.call.asides import Asides
from backend.call.markup import Emphasis, Lines
from backend.call.symbols import Faces, Symbols

HOLD_CHARS: Final = 64
"""No more than this is ever held back."""

_REPEATS: Final = dict.fromkeys("，。！？；：、,!?;:~～·", 1) | {"…": 2, "—": 2, ".": 3}
_CLOSING: Final = frozenset("，。！？；：、…,.!?;:)）”」』")
_NOT_FIRST: Final = frozenset("，。；：、,;:")


class _Stage(Protocol):
    def push(self, char: str) -> str: ...
    def end(self) -> str: ...


class Tidy:
    """Makes blanks one blank or line break; keeps each mark of a run once, `…` and `—` twice, `.` three times."""

    def __init__(self) -> None:
        self._gap = ""
        self._marks = ""
        self._begun = False

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        if char.isspace():
            self._gap = "\n" if char == "\n" else self._gap or " "
            return ""
        if self._is_surplus(char):
            return ""
        gap, self._gap = self._gap, ""
        if not self._begun or (gap == " " and char in _CLOSING):
            gap = ""
        self._marks = (self._marks + char if not gap else char) if char in _REPEATS else ""
        self._begun = True
        return gap + char

    def end(self) -> str:
        """Nothing: blanks at the end are dropped."""
        self._gap = ""
        return ""

    def _is_surplus(self, char: str) -> bool:
        if not self._begun:
            return char in _NOT_FIRST
        return char in _REPEATS and self._gap != "\n" and self._marks.count(char) >= _REPEATS[char]


class Speakable:
    """One reply on its way to the synthesiser."""

    def __init__(self) -> None:
        self._stages: tuple[_Stage, ...] = (Lines(), Emphasis(), Asides(), Faces(), Symbols(), Tidy())

    def feed(self, text: str) -> str:
        """Take some more of the reply, give what can be said by now; the rest, `HOLD_CHARS` at most, comes later."""
        for stage in self._stages:
            text = "".join(map(stage.push, text))
        return text

    def end(self) -> str:
        """What was held back. The reply is over; a new one needs a new `Speakable`."""
        said = ""
        for stage in self._stages:
            said = "".join(map(stage.push, said)) + stage.end()
        return said


def speakable(text: str) -> str:
    """A whole text at once."""
    voice = Speakable()
    return voice.feed(text) + voice.end()
