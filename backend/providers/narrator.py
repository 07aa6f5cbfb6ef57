"""Follows what a service speaks: sentence after sentence, each announced with its first sound. Pure."""

from collections.abc import Iterator

from backend.ports import SentenceBegan, SentenceEnded, Sound, SpeechItem
from backend.providers.sentences import SentenceCutter, is_speakable


class Narrator:
    """Of one reply. Whatever a service tells, what comes out is a beginning, at least one piece of sound, an end.

    Attributes:
        sounded: something was heard.
    """

    def __init__(self) -> None:
        self._said = ""
        self._announced = 0
        self._next: str | None = None
        self._is_open = False
        self.sounded = False

    @property
    def is_open(self) -> bool:
        """Whether a sentence was announced and has not ended."""
        return self._is_open

    @property
    def is_due(self) -> bool:
        """Whether the service has begun a sentence of which no sound has come yet."""
        return self._next is not None

    @property
    def has_told_all(self) -> bool:
        """Whether every sentence that was said has been announced."""
        return not is_speakable(self._said[self._announced :])

    def said(self, text: str) -> None:
        """This text went to the service."""
        self._said += text

    def begin(self, text: str) -> Iterator[SpeechItem]:
        """The service begins a sentence; where it names none, it is the next one of what was said."""
        yield from self.end()
        self._next = self._located(text)

    def begin_all(self) -> Iterator[SpeechItem]:
        """The service names no sentences: what was said so far is one."""
        yield from self.begin(self._said[self._announced :].strip())

    def sound(self, data: bytes) -> Iterator[SpeechItem]:
        """A piece of sound."""
        if not data:
            return
        if not self._is_open:
            yield SentenceBegan(self._located("") if self._next is None else self._next)
        self._is_open = self.sounded = True
        self._next = None
        yield Sound(data)

    def end(self) -> Iterator[SpeechItem]:
        """The sentence is over, if one was heard."""
        self._next = None
        if self._is_open:
            self._is_open = False
            yield SentenceEnded()

    def _located(self, text: str) -> str:
        rest = self._said[self._announced :]
        if not text:
            cutter = SentenceCutter()
            text = next(iter(cutter.feed(rest) or cutter.flush()), "")
        at = rest.find(text)
        if at >= 0:
            self._announced += at + len(text)
        return text
