"""Cuts a text that arrives in pieces into sentences, for services that announce none of their own. Pure."""

import re
from typing import Final

SHORTEST_CHARS: Final = 4
"""Letters and digits. A shorter sentence goes with the next: alone it would end before the next one can sound."""
LONGEST_CHARS: Final = 80
"""A longer text without an end mark is cut at its last comma or space, or else at this length."""

_CLOSERS: Final = "”’」』）)】》\"'"
_END: Final = re.compile(rf"(?:[。！？!?；;…\n]+|\.(?=\s))[{re.escape(_CLOSERS)}]*")
_CLAUSE: Final = re.compile(r"[，,、：:—](?!\d)|\s")


def is_speakable(text: str) -> bool:
    """Whether anything in it can be pronounced."""
    return any(char.isalnum() for char in text)


class SentenceCutter:
    """Loses no text but white space at the edges of sentences, and sentences of marks alone, which nobody can say."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take some more text; gives the sentences that are whole by now."""
        self._rest += text
        sentences = []
        while end := _end_of_first(self._rest):
            sentences.append(self._rest[:end].strip())
            self._rest = self._rest[end:]
        return [sentence for sentence in sentences if is_speakable(sentence)]

    def flush(self) -> list[str]:
        """What is left, as the last sentence; nothing when nobody can say it."""
        rest, self._rest = self._rest.strip(), ""
        return [rest] if is_speakable(rest) else []


def _end_of_first(text: str) -> int:
    for mark in _END.finditer(text):
        if mark.end() > LONGEST_CHARS:
            break
        if sum(map(str.isalnum, text[: mark.end()])) >= SHORTEST_CHARS:
            return mark.end()
    if len(text) <= LONGEST_CHARS:
        return 0
    clauses = [mark.end() for mark in _CLAUSE.finditer(text, 0, LONGEST_CHARS)]
    return clauses[-1] if clauses else LONGEST_CHARS
