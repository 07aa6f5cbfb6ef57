"""Makes speech items of a synthesis session's events. Pure.

Whatever a service sends, what comes out is sentence after sentence: its beginning, at least one piece of sound, its
end. A sentence is announced with its first sound, so that one which makes no sound is never announced.
"""

from collections.abc import Iterator
from typing import Any

from backend.ports import SentenceBegan, SentenceEnded, Sound, SpeechItem, SpeechUsage
from backend.protocol.header import MessageType
from backend.protocol.speech import SpeechEvent, SpeechFrame
from backend.providers.narrator import Narrator


class Narration(Narrator):
    """Follows the service's own sentences, as 1.0 voices tell them."""

    def take(self, frame: SpeechFrame) -> Iterator[SpeechItem]:
        """The items that an event of the session brings.

        Raises:
            ProtocolError: an event's payload is no JSON object.
        """
        if frame.message_type == MessageType.SERVER_AUDIO:
            yield from self.sound(frame.payload)
        elif frame.event == SpeechEvent.SENTENCE_START:
            yield from self.begin(_text(frame.json()))
        elif frame.event in (SpeechEvent.SENTENCE_END, SpeechEvent.SESSION_FINISHED):
            yield from self.end()


class SingleSentence:
    """One sentence, known beforehand, in a session of its own; the service's own sentence events do not count."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.sounded = False

    def take(self, frame: SpeechFrame) -> Iterator[SpeechItem]:
        """The items that an event of the session brings."""
        if frame.message_type == MessageType.SERVER_AUDIO and frame.payload:
            if not self.sounded:
                yield SentenceBegan(self._text)
            self.sounded = True
            yield Sound(frame.payload)
        elif frame.event == SpeechEvent.SESSION_FINISHED and self.sounded:
            yield SentenceEnded()


class Bill:
    """Adds up what the sessions of one reply cost."""

    def __init__(self) -> None:
        self._characters = 0
        self._of_session = 0
        self._is_known = False

    def take(self, frame: SpeechFrame) -> None:
        """Read `usage` where an event carries it; SessionFinished repeats what a UsageResponse said before."""
        if frame.event not in (SpeechEvent.USAGE, SpeechEvent.SESSION_FINISHED):
            return
        usage = frame.json().get("usage")
        words = usage.get("text_words") if isinstance(usage, dict) else None
        if isinstance(words, int) and words >= 0:
            self._of_session, self._is_known = words, True
        if frame.event == SpeechEvent.SESSION_FINISHED:
            self._characters += self._of_session
            self._of_session = 0

    @property
    def told(self) -> int | None:
        """The sum so far; None where the service told nothing."""
        return self._characters if self._is_known else None

    def items(self) -> list[SpeechItem]:
        """The sum, if the service told any."""
        return [SpeechUsage(self._characters)] if self._is_known else []


def _text(payload: dict[str, Any]) -> str:
    params = payload.get("res_params")  # named by the vendor's page, never seen
    text = payload.get("text") or (params.get("text") if isinstance(params, dict) else None)
    return text if isinstance(text, str) else ""
