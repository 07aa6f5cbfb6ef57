"""Deciding that an utterance is over, on the audio clock."""

from backend.ports import Hypothesis


class Endpointer:
    """Watches the hypotheses of one recognition session.

    The recogniser's `definite` ends an utterance. A service that never says it (or a path that answers every packet
    without deciding) is covered by the text itself: unchanged while `stable_ms` of audio went by.
    """

    def __init__(self, stable_ms: int) -> None:
        self._stable_ms = stable_ms
        self._text = ""
        self._changed_at_ms = 0

    @property
    def text(self) -> str:
        """The utterance so far."""
        return self._text

    def hear(self, hypothesis: Hypothesis) -> str | None:
        """Take a hypothesis; the whole utterance when it is over, else None."""
        text = hypothesis.text.strip()
        if text != self._text:
            self._text, self._changed_at_ms = text, hypothesis.audio_ms
        if not has_words(text):
            return None
        settled = hypothesis.definite or hypothesis.audio_ms - self._changed_at_ms >= self._stable_ms
        return text if settled else None


def has_words(text: str) -> bool:
    """Whether anything was said: a lone punctuation mark is what noise looks like in text."""
    return any(character.isalnum() for character in text)
