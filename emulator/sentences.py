"""Cuts text that arrives in pieces into the sentences that a voice speaks, Chinese and English."""

import html
import re
from typing import Final

from backend.protocol.frames import well_formed

_ENDS: Final = frozenset("。！？!?；;…\n")
_PAUSES: Final = frozenset("，,、：: ")
_CLOSERS: Final = frozenset("”’」』）)]】》\"'")
_LONGEST_CHARS: Final = 120
_MARKUP: Final = re.compile(r"<[^>]*>")


class WholeCharacters:
    """Joins a character beyond the first 65,536 whose halves come in two pieces; half a one alone gives way to �."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """Take some more text; gives what is whole by now."""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return well_formed(text)

    def flush(self) -> str:
        """What stands for a half that stayed alone."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


class SentenceCutter:
    """Of one synthesis session. What it gives, joined, is what it was given, but for white space around sentences."""

    def __init__(self) -> None:
        self._characters = WholeCharacters()
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take some more text; gives the sentences that are whole by now."""
        self._rest += self._characters.feed(text)
        sentences = []
        while cut := _cut(self._rest):
            sentences.append(self._rest[:cut].strip())
            self._rest = self._rest[cut:]
        return [sentence for sentence in sentences if is_readable(sentence)]

    def flush(self) -> list[str]:
        """The last sentence, whether or not it has an end."""
        rest, self._rest = (self._rest + self._characters.flush()).strip(), ""
        return [rest] if is_readable(rest) else []


def spoken(text: str) -> str:
    """What a text with markup (SSML) says."""
    return html.unescape(_MARKUP.sub("", text))


def is_readable(text: str) -> bool:
    """Whether there is anything to pronounce."""
    return any(char.isalnum() for char in text)


def _cut(text: str) -> int:
    """Where the first sentence ends; 0 while none does."""
    for at, char in enumerate(text):
        if char in _ENDS or (char == "." and text[at + 1 : at + 2].isspace()):
            end = _past_closers(text, at + 1)
            if is_readable(text[:end]):
                return end
    return _cut_long(text) if len(text) > _LONGEST_CHARS else 0


def _past_closers(text: str, at: int) -> int:
    while at < len(text) and (text[at] in _CLOSERS or text[at] in _ENDS):
        at += 1
    return at


def _cut_long(text: str) -> int:
    pauses = [at + 1 for at, char in enumerate(text[:_LONGEST_CHARS]) if char in _PAUSES]
    return pauses[-1] if pauses else _LONGEST_CHARS
