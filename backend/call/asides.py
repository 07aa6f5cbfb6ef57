"""Drops stage directions such as （笑） and *sighs*; links keep their text, pictures leave nothing.

In brackets of any kind, what is short (12 characters, 24 where none is Han) and holds neither a digit nor a mark that
ends a sentence is a direction, unless it stands in round ones directly after the word that it explains. What is longer
is one if it tells what somebody does (`stage`); that is known after 24 characters at most, and what follows up to the
closing bracket is then dropped without being held back. All else is read out. That drops some real asides as well: in
speech they are no loss. Between single asterisks it is a direction only where it stands apart (at the beginning of a
clause or at the end of a line) and is Han or begins like a verb ("laughs", "smiling softly"); else it is emphasis and
is read out. Between what is multiplied (a number, a single letter) it is a sign and stays.
"""

import re
from typing import Final

from backend.call.stage import explains, has_han, narrates

_HAN_CHARS: Final = 12
_LATIN_CHARS: Final = 24
_HELD_CHARS: Final = 24
_LONGEST_CHARS: Final = 200
"""What is dropped of a direction that is never closed."""
_URL_PROOF_CHARS: Final = 24

_FAMILIES: Final = (
    ("（(﹙", "）)﹚"),
    ("【", "】"),
    ("〔﹝", "〕﹞"),
    ("[［", "]］"),
    ("{｛", "}｝"),
    ("<‹＜", ">›＞"),
    ("*", "*"),
)
_FAMILY: Final = {opener: family for family in _FAMILIES for opener in family[0]}
_ROUND: Final = frozenset("（(﹙")
_ANGLES: Final = frozenset("<‹＜")
_UNSPOKEN: Final = frozenset("【】〔〕﹝﹞[]［］{}｛｝‹›*")
_NOT_AFTER_LATIN: Final = frozenset("(*<{")
_INFORMS: Final = frozenset("。！？.!?\n")
_APART: Final = frozenset("\n，。！？；：、…～~,.!?;:)）]】”’\"'」』")
_VERB: Final = re.compile(r"[A-Za-z]+(?:s|ing)\b")
_NO_VERBS: Final = re.compile(
    r"(?:yes|this|is|was|has|does|his|its|us|as|always|perhaps|thanks|news|\w*things?)", re.IGNORECASE
)
_URL_STOPS: Final = frozenset('<>"')


class Asides:
    """Takes characters, holds back what may be a direction: 27 at most."""

    def __init__(self) -> None:
        self._before = "\n"  # the last character that was no blank
        self._last = "\n"
        self._word = ""  # the Latin word or number that ends at the last character that was no blank
        self._stars = ""  # directly after it, until it is known what follows
        self._held = ""
        self._closed = False
        self._after_link = False
        self._url: str | None = None
        self._bang = False  # a `!` that may begin a picture, and one that seems to have
        self._picture = False
        self._dropping = ""  # the opener of a direction that is long
        self._depth = self._dropped = 0

    def push(self, char: str) -> str:
        """Take one character, give what may be said now."""
        if self._url is not None:
            return self._in_url(self._url, char)
        if self._dropping:
            return self._drop(char)
        if self._closed:
            return self._settle(char) + self.push(char)
        if self._held:
            return self._in_brackets(char)
        after_link, self._after_link = self._after_link, False
        if char == "(" and after_link:
            self._url = ""
            return ""
        if self._bang:
            return self._after_bang(char)
        if self._stars and char != "*":
            return self._after_stars(char) + self.push(char)
        return self._outside(char)

    def end(self) -> str:
        """What was held back, unless it is a direction or an address."""
        said = self._flush()
        while self._url is not None:
            said += self._no_url(self._url) + self._flush()
        return said + self._banged()

    def _after_stars(self, char: str) -> str:
        stars, self._stars = self._stars, ""
        is_product = char.isdecimal() or (self._is_operand and char.isascii() and char.isalnum())
        return stars if is_product else ""

    @property
    def _is_operand(self) -> bool:
        """Whether a `*` after it multiplies it."""
        return len(self._word) == 1 or self._word[-1:].isdecimal()

    def _after_bang(self, char: str) -> str:
        if char == "[":
            self._bang, self._picture, self._held = False, True, char
            return ""
        return self._banged() + self._outside(char)

    def _banged(self) -> str:
        """The `!` that was held back, if there is one."""
        if not (self._bang or self._picture):
            return ""
        self._bang = self._picture = False
        self._last = self._before = "!"
        return "!"

    def _outside(self, char: str) -> str:
        if self._opens(char):
            self._held = char
            return ""
        if char == "!":
            self._bang = True
            return ""
        if char in _UNSPOKEN:
            self._after_link = char == "]"
            if char == "*" and self._last.isdecimal():
                return char
            if char == "*" and self._last.isascii() and self._last.isalnum():
                self._stars += char
            return ""
        if char == "\n" or not char.isspace():
            is_latin = char.isascii() and char.isalnum()
            self._word = (self._word if self._last.isalnum() else "") + char if is_latin else ""
            self._before = char
        self._last = char
        return char

    def _opens(self, char: str) -> bool:
        if char in _NOT_AFTER_LATIN and self._last.isascii() and self._last.isalnum():
            return False
        return char in _FAMILY and not (char in _ANGLES and self._last in "_.-")

    def _in_brackets(self, char: str) -> str:
        opener, content = self._held[0], self._held[1:]
        openers, closers = _FAMILY[opener]
        if char in closers and _count(content, openers) == _count(content, closers) and self._may_close(char):
            return self._close(char)
        is_operator = opener in "*<" and not content and char.isspace()
        if opener in _ANGLES and not (char.isalpha() or char in " /"):
            is_operator = True
        informs = char in _INFORMS or char.isdecimal()
        if is_operator or informs or len(content) >= _HELD_CHARS:
            return self._decide(char, is_operator=is_operator)
        self._held += char
        return ""

    def _may_close(self, char: str) -> bool:
        """Whether it is the closer of this very opener, or one that was taken for it, and no face's mouth."""
        openers, closers = _FAMILY[self._held[0]]
        return closers.index(char) == openers.index(self._held[0]) or self._held[-1].isalnum()

    def _decide(self, char: str, *, is_operator: bool) -> str:
        """It is long, or holds what a short direction does not."""
        opener, content = self._held[0], self._held[1:]
        if is_operator or opener == "*" or not narrates(content):
            return self._release() + self.push(char)
        said, self._held = self._banged(), ""
        openers, closers = _FAMILY[opener]
        self._dropping, self._dropped = opener, len(content)
        self._depth = 1 + _count(content, openers) - _count(content, closers)
        return said + self.push(char)

    def _drop(self, char: str) -> str:
        openers, closers = _FAMILY[self._dropping]
        self._depth += (char in openers) - (char in closers)
        self._dropped += 1
        if self._depth > 0 and char != "\n" and self._dropped < _LONGEST_CHARS:
            return ""
        self._dropping = ""
        return "" if char in closers else self.push(char)

    def _close(self, char: str) -> str:
        opener, content = self._held[0], self._held[1:]
        if char in "]*":
            self._held += char
            self._closed = True
        elif self._is_heard(opener, content):
            return self._release() + self._outside(char)
        else:
            self._held = ""
        return ""

    def _is_heard(self, opener: str, content: str) -> bool:
        """Whether what stands in brackets that are closed now is no direction."""
        is_direct = self._last == self._before or self._before.isascii()
        if opener in _ROUND and is_direct and explains(self._before, content):
            return True
        return _is_long(content) and not narrates(content)

    def _settle(self, after: str) -> str:
        """Decide about a closed `[…]` or `*…*` by the character that follows it."""
        opener, content = self._held[0], self._held[1:-1]
        self._held, self._closed = "", False
        if opener == "[":
            return self._settle_link(content, after)
        is_apart = self._before in _APART or after == "\n"
        return "" if is_apart and _is_action(content) else self._say(content)

    def _settle_link(self, content: str, after: str) -> str:
        self._after_link = after == "("
        is_picture, self._picture = self._picture, False
        if self._after_link:
            return "" if is_picture else self._say(content)
        self._bang = is_picture
        return self._banged() + (self._say(content) if _is_long(content) and not narrates(content) else "")

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
        is_operator = opener == "*" and (self._before.isdecimal() or (self._is_operand and rest[:1] in {"", " "}))
        said = self._banged()
        said += opener if is_operator or opener not in _UNSPOKEN else ""
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
    return len(content) > (_HAN_CHARS if has_han(content) else _LATIN_CHARS)


def _count(text: str, chars: str) -> int:
    return sum(map(text.count, chars))


def _is_action(content: str) -> bool:
    if has_han(content):
        return True
    verb = _VERB.match(content)
    return not any(map(str.isalnum, content)) or (verb is not None and not _NO_VERBS.fullmatch(verb[0]))
