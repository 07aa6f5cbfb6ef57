"""How much of a reply has been sent, and how much of that was heard. Pure."""

import re
from dataclasses import dataclass
from typing import Final

_USUAL_MS: Final = 200.0
"""How long a hanzi, or half a word of another script, is spoken: a guess where nothing was measured."""
_HANZI: Final = re.compile(r"[\u3400-\u9fff]")
_HALF_WORD_CHARS: Final = 3
_BACK_TO_A_WORD: Final = re.compile(r"[^\s\u3400-\u9fff，。！？、,.!?；;：:…—]+\Z")


@dataclass(slots=True)
class _Sentence:
    text: str
    sent_ms: float = 0.0
    whole: bool = False


class Said:
    """The ledger of one reply."""

    def __init__(self) -> None:
        self._sentences: list[_Sentence] = []
        self._played_ms: float | None = None

    def sentence(self, text: str) -> None:
        """A sentence was announced; the one before it is complete."""
        self.complete()
        self._sentences.append(_Sentence(text))

    def sound(self, ms: float) -> None:
        """So much of its sound was sent."""
        if self._sentences:
            self._sentences[-1].sent_ms += ms

    def complete(self) -> None:
        """All sound of the last sentence was sent."""
        if self._sentences:
            self._sentences[-1].whole = True

    def played(self, ms: float) -> None:
        """The client says how much of the reply's sound has come out of its speaker."""
        self._played_ms = max(ms, self._played_ms or 0.0)

    @property
    def sent(self) -> str:
        """The sentences that were announced."""
        return "".join(sentence.text for sentence in self._sentences)

    @property
    def heard(self) -> str:
        """What came out of the speaker, if the client reports that, else what was sent."""
        left_ms = self.sent_ms if self._played_ms is None else min(self._played_ms, self.sent_ms)
        heard: list[str] = []
        for sentence in self._sentences:
            heard.append(_first(sentence, left_ms))
            left_ms -= sentence.sent_ms
            if left_ms <= 0:
                break
        return "".join(heard)

    @property
    def sent_ms(self) -> float:
        """All sound that was sent."""
        return sum(sentence.sent_ms for sentence in self._sentences)

    @property
    def unplayed_ms(self) -> float:
        """What the client has not said that it was played."""
        return max(0.0, self.sent_ms - (self._played_ms or 0.0))

    def around(self) -> str:
        """What has come out of the speaker, or may about now: up to the sentence after the one that is being played."""
        if self._played_ms is None:
            return self.sent
        begins_ms, playing = 0.0, 0
        for place, sentence in enumerate(self._sentences):
            if begins_ms <= self._played_ms:
                playing = place
            begins_ms += sentence.sent_ms
        return "".join(sentence.text for sentence in self._sentences[: playing + 2])


def _first(sentence: _Sentence, ms: float) -> str:
    """The part of the sentence that was spoken after so long, cut between words."""
    if ms <= 0:
        return ""
    text, units = sentence.text, _length(sentence.text)
    total_ms = sentence.sent_ms if sentence.whole else max(sentence.sent_ms, units * _USUAL_MS)
    if ms >= total_ms or not total_ms:
        return text
    end = 0
    while end < len(text) and _length(text[: end + 1]) <= units * ms / total_ms:
        end += 1
    inside_a_word = end < len(text) and not text[end].isspace() and not _HANZI.match(text[end])
    return _BACK_TO_A_WORD.sub("", text[:end]) if inside_a_word else text[:end]


def _length(text: str) -> float:
    """In units of `_USUAL_MS`."""
    hanzi = len(_HANZI.findall(text))
    others = sum(char.isalnum() for char in text) - hanzi
    return hanzi + others / _HALF_WORD_CHARS
