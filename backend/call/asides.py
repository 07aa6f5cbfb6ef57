"""Drops stage directions such as （笑） and *sighs*; links keep their text.

A direction is what stands in brackets, is short (12 characters, 24 where none is Han) and holds neither a digit nor a
mark that ends a sentence. That drops some real asides as well: in speech they are no loss. Longer ones are read out.
Between single asterisks it is a direction only where it stands apart (at the beginning of a clause or at the end of a
line) and is Han or begins like a verb ("laughs", "smiling softly"); else it is emphasis and is read out.
"""

import re
from typing import Final

_HAN_CHARS: Final = 12
_LATIN_CHARS: Final = 24
_URL_PROOF_CHARS: Final = 24

_CLOSERS: Final = {"（": "）", "(": ")", "【": "】", "〔": "〕", "[": "]", "［": "］", "*": "*"}
_UNSPOKEN: Final = frozenset("【】〔〕[]［］*")
_INFORMS: Final = frozenset("。！？.!?\n")
_APART: Final = frozenset("\n，。！？；：、…～~,.!?;:)）]】”’\"'」』")
_VERB: Final = re.compile(r"[A-Za-z]+(?:s|ing)\b")
_NO_VERBS: Final = re.compile(
    r"(?:yes|this|is|was|has|does|his|its|us|as|always|perhaps|thanks|news|\w*things?)", re.IGNORECASE
)
_URL_STOPS: Final = frozenset('<>"')


class Asides:
    """Takes characters, holds back what may be a direction: 26 at most."""

    def __init__(self) -> None:
        self._before = "\n"  # the last character that was no blank
        self._last = "\n"
        self._held = ""
        self._closed = False
        self._after_link = False
        self._url: str | None = None

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        if self._url is not None:
            return self._in_url(self._url, char)
        if self._closed:
            return self._settle(char) + self.push(char)
        if self._held:
            return self._in_brackets(char)
        after_link, self._after_link = self._after_link, False
        if char == "(" and after_link:
            self._url = ""
            return ""
        return self._outside(char)

    def end(self) -> str:
        """What was held back, unless it is a direction or an address."""
        said = self._flush()
        while self._url is not None:
            said += self._no_url(self._url) + self._flush()
        return said

    def _outside(self, char: str) -> str:
        if char in _CLOSERS and not (char in "(*" and self._last.isascii() and self._last.isalnum()):
            self._held = char
            return ""
        if char in _UNSPOKEN:
            self._after_link = char == "]"
            return char if char == "*" and self._last.isdecimal() else ""
        self._last = char
        if char == "\n" or not char.isspace():
            self._before = char
        return char

    def _in_brackets(self, char: str) -> str:
        opener, content = self._held[0], self._held[1:]
        if char == _CLOSERS[opener] and content.count(opener) == content.count(char):
            return self._close(char)
        is_operator = self._held == "*" and char.isspace()
        if is_operator or char in _INFORMS or char.isdecimal() or _is_long(content + char):
            return self._release() + self.push(char)
        self._held += char
        return ""

    def _close(self, char: str) -> str:
        if char in "]*":
            self._held += char
            self._closed = True
        else:
            self._held = ""
        return ""

    def _settle(self, after: str) -> str:
        """Decide about a closed `[…]` or `*…*` by the character that follows it."""
        opener, content = self._held[0], self._held[1:-1]
        self._held, self._closed = "", False
        if opener == "[":
            self._after_link = after == "("
            return self._say(content) if self._after_link else ""
        is_apart = self._before in _APART or after == "\n"
        return "" if is_apart and _is_action(content) else self._say(content)

    def _say(self, text: str) -> str:
        after_link = self._after_link
        said = "".join(map(self.push, text)) + self._flush()
        self._after_link = after_link
        return said

    def _flush(self) -> str:
        said = ""
        while self._held:
            said += self._settle("\n") if self._closed else self._release()
        return said

    def _release(self) -> str:
        """Give up the belief that a direction has begun: its opener goes, or is read; the rest is taken anew."""
        opener, rest = self._held[0], self._held[1:]
        self._held = ""
        is_operator = opener == "*" and self._before.isdecimal()
        said = opener if is_operator or opener not in _UNSPOKEN else ""
        return said + "".join(map(self.push, rest))

    def _in_url(self, url: str, char: str) -> str:
        if char == ")":
            self._url = None
            return ""
        ends = char.isspace() or not char.isascii() or char in _URL_STOPS
        if ends or (len(url) >= _URL_PROOF_CHARS and not _is_url(url)):
            return self._no_url(url) + self.push(char)
        if len(url) < _URL_PROOF_CHARS:
            self._url = url + char
        return ""

    def _no_url(self, url: str) -> str:
        self._url = None
        return "" if _is_url(url) else "".join(map(self.push, "(" + url))


def _is_url(text: str) -> bool:
    return any(mark in text for mark in "./#")


def _is_long(content: str) -> bool:
    return len(content) > (_HAN_CHARS if _has_han(content) else _LATIN_CHARS)


def _is_action(content: str) -> bool:
    if _has_han(content):
        return True
    verb = _VERB.match(content)
    return not any(map(str.isalnum, content)) or (verb is not None and not _NO_VERBS.fullmatch(verb[0]))


def _has_han(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)
