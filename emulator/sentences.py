"""Cuts text that arrives in pieces into the sentences that a voice speaks, Chinese and English."""

from typing import Final

_ENDS: Final = frozenset("。！？!?；;…\n")
_PAUSES: Final = frozenset("，,、：: ")
_CLOSERS: Final = frozenset("”’」』）)]】》\"'")
_LONGEST_CHARS: Final = 120


class SentenceCutter:
    """Of one synthesis session. What it gives, joined, is what it was given, but for white space around sentences."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take some more text; gives the sentences that are whole by now."""
        self._rest += text
        sentences = []
        while cut := _cut(self._rest):
            sentences.append(self._rest[:cut].strip())
            self._rest = self._rest[cut:]
        return [sentence for sentence in sentences if is_readable(sentence)]

    def flush(self) -> list[str]:
        """The last sentence, whether or not it has an end."""
        rest, self._rest = self._rest.strip(), ""
        return [rest] if is_readable(rest) else []


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
