"""Drops markdown: of lines (headings, lists, quotes, fences, tables) and of words (bold, italics, code)."""

import re
from collections.abc import Callable
from typing import Final

_FENCE: Final = "```"
_FENCE_INFO_CHARS: Final = 20
_RULE_CHARS: Final = 3
_RULES: Final = frozenset("-=")
_BULLETS: Final = frozenset("-*+")
_ROUND_BULLETS: Final = frozenset("•‣·●◦▪")
_CELL_RULE: Final = frozenset("-: \t")
_CELL_RULE_CHARS: Final = 24

# A prefix of a line that may still turn out to be a marker.
_BEGUN: Final = re.compile(r"#{1,6}|-{1,3}|={1,3}|\*{1,3}|\+|>|`{1,3}|[0-9]{1,3}[.、)）]?")
_ITEM: Final = re.compile(r"([0-9]{1,3})[.、)）]")


class Lines:
    """Drops what a line may begin with, and reads a table row as its cells with commas between.

    A number is a list marker only where a list begins (1) or goes on (one more than the last). The lines inside a code
    fence are kept. Holds back 24 characters at most.
    """

    def __init__(self) -> None:
        self._state: _State = Lines._at_start  # no bound method: that would know these lines, as they know it
        self._held = ""
        self._item = 0
        self._comma = ""

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        return self._state(self, char)

    def end(self) -> str:
        """What was held back, unless it is a marker."""
        held, self._held = self._held, ""
        return held if self._state is Lines._at_start and not _is_rule(held) else ""

    def _at_start(self, char: str) -> str:
        tried = self._held + char
        if _BEGUN.fullmatch(tried):
            self._held = tried
            return ""
        held, self._held = self._held, ""
        if held == _FENCE:
            return self._enter(Lines._in_fence, char)
        if not held:
            return self._unmarked(char)
        if self._is_marker(held, char):
            return self._at_start(char)
        return held + self._enter(Lines._in_text, char)

    def _unmarked(self, char: str) -> str:
        if char == "|":
            self._comma = ""
            self._state = Lines._in_row
            return ""
        if char in _ROUND_BULLETS or (char.isspace() and char != "\n"):
            return ""
        return self._enter(Lines._in_text, char)

    def _enter(self, state: "_State", char: str) -> str:
        self._state = state
        return state(self, char)

    def _in_text(self, char: str) -> str:
        if char == "\n":
            self._state = Lines._at_start
        return char

    def _in_fence(self, char: str) -> str:
        if char == "\n":
            self._held = ""
            return self._enter(Lines._in_text, char)
        self._held += char
        if (char.isascii() and not char.isspace()) and len(self._held) < _FENCE_INFO_CHARS:
            return ""
        held, self._held = self._held, ""
        self._state = Lines._in_text
        return held

    def _in_row(self, char: str) -> str:
        if char == "\n":
            self._held = ""
            return self._enter(Lines._in_text, char)
        if char == "|":
            self._held = ""
            return ""
        if char in _CELL_RULE and len(self._held) < _CELL_RULE_CHARS:
            self._held += char
            return ""
        said = self._comma + self._held.lstrip() + char
        self._held, self._comma = "", "，"
        self._state = Lines._in_cell
        return said

    def _in_cell(self, char: str) -> str:
        if char == "|":
            self._state = Lines._in_row
            return ""
        return self._in_text(char)

    def _is_marker(self, held: str, after: str) -> bool:
        if item := _ITEM.fullmatch(held):
            return self._is_item(int(item[1]), after)
        if held[0] == "#":
            return len(held) > 1 or after.isspace()
        if held in _BULLETS:
            return after.isspace()
        return _is_rule(held) or (held == ">" and after not in "_.<")

    def _is_item(self, number: int, after: str) -> bool:
        if number not in (1, self._item + 1) or after == "\n" or after.isdecimal():
            return False
        self._item = number
        return True


_State = Callable[[Lines, str], str]


class Emphasis:
    """Drops `**`, `__`, `~~`, backquotes, and an underscore at one side of a word. Holds back one character.

    `**` before a digit is a power (`2**3`, `a**2`), unless it ends what an earlier one has begun.
    """

    def __init__(self) -> None:
        self._before = "\n"
        self._in_bold = False
        self._held = ""
        self._run = 0

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        if char == self._held:
            self._run += 1
            return ""
        released = self._release(char)
        if char == "`":
            return released
        if char in "*_~":
            self._held, self._run = char, 1
            return released
        self._before = char
        self._in_bold &= char != "\n"
        return released + char

    def end(self) -> str:
        """What was held back, unless it is a marker."""
        return self._release("\n")

    def _release(self, after: str) -> str:
        held, self._held = self._held, ""
        if held == "*" and self._run == 2:
            return self._release_two(after)
        is_lone = self._run == 1 and not (held == "_" and self._before.isalnum() != after.isalnum())
        return held if is_lone else ""

    def _release_two(self, after: str) -> str:
        is_operand = self._before.isascii() and self._before.isalnum()
        if is_operand and after.isdecimal() and not self._in_bold:
            return "**"
        self._in_bold = not self._in_bold and after != "\n"
        return ""


def _is_rule(held: str) -> bool:
    if held[:1] == "*":
        return len(held) > 1
    return held[:1] in _RULES and len(held) >= _RULE_CHARS
