"""What a recognition task asks for, and what its results mean. Pure.

Source: Model Studio docs "paraformer-client-events", "paraformer-server-events".
"""

from collections.abc import Mapping
from typing import Any, Final

from backend.ports import SAMPLE_RATE_HZ, Hypothesis
from backend.providers.dashscope.config import ParaformerConfig
from backend.providers.dashscope.wire import Event, Run, count, part, said

_NOTHING: Final[frozenset[str]] = frozenset()
_OF_THE_SECOND: Final = frozenset(
    (
        *("vocabulary_id", "language_hints", "semantic_punctuation_enabled", "max_sentence_silence"),
        *("punctuation_prediction_enabled", "inverse_text_normalization_enabled", "heartbeat"),
    )
)
_UNKNOWN: Final[Mapping[str, frozenset[str]]] = {
    "fun-asr": frozenset(
        ("punctuation_prediction_enabled", "inverse_text_normalization_enabled", "disfluency_removal_enabled")
    ),
    "paraformer-realtime-8k-v2": frozenset({"language_hints"}),
    "paraformer-realtime-8k-v1": _OF_THE_SECOND,
    "paraformer-realtime-v1": _OF_THE_SECOND,
}
"""Parameters that a model does not have; Paraformer's second version has all."""


def run(config: ParaformerConfig) -> Run:
    """The task; each family of models is told only what it is documented to know."""
    unknown = next((names for family, names in _UNKNOWN.items() if config.model.startswith(family)), _NOTHING)
    wishes = {name: value for name, value in _wishes(config).items() if name not in unknown}
    return Run("asr", "recognition", config.model, wishes)


def _wishes(config: ParaformerConfig) -> dict[str, Any]:
    wishes: dict[str, Any] = {
        "format": "pcm",
        "sample_rate": SAMPLE_RATE_HZ,
        "semantic_punctuation_enabled": config.semantic,
        "punctuation_prediction_enabled": config.punctuation,
        "inverse_text_normalization_enabled": config.numbers,
        "disfluency_removal_enabled": config.smooth,
        "heartbeat": True,
    }
    if not config.semantic:
        wishes["max_sentence_silence"] = config.end_window_ms
    if config.language_hints:
        wishes["language_hints"] = list(config.language_hints)
    if config.vocabulary_id:
        wishes["vocabulary_id"] = config.vocabulary_id
    return wishes


class Hearsay:
    """Joins a task's sentences to one text; each result tells one sentence, as far as it is known."""

    def __init__(self) -> None:
        self._settled: list[str] = []
        self._open = ""
        self._last: object = None
        self._told = ("", 0)
        self._end_ms = 0

    def take(self, event: Event) -> Hypothesis | None:
        """What is new in a result, on the service's clock; heartbeats and repetitions are not."""
        sentence = part(event.output, "sentence")
        if not sentence or sentence.get("heartbeat") is True:
            return None
        ident = (sentence.get("sentence_id"), sentence.get("begin_time"))
        definite = sentence.get("sentence_end") is True or count(sentence.get("end_time")) is not None
        if ident == self._last and ident != (None, None):  # told as definite before
            return None
        text = said(sentence, "text").strip()
        self._end_ms = _spoken_until_ms(sentence) or self._end_ms
        self._open = "" if definite else text
        if definite:
            self._last = ident
            self._settled += [text] if text else []
        news = (self.text, self._end_ms)
        if not text or (news == self._told and not definite):
            return None
        self._told = news
        return Hypothesis(self.text, definite, self._end_ms, 0)

    def end(self) -> Hypothesis:
        """The last hypothesis, which is definite."""
        return Hypothesis(self.text, True, self._end_ms, 0)

    @property
    def text(self) -> str:
        """Everything heard so far."""
        return joined([*self._settled, self._open])


def joined(sentences: list[str]) -> str:
    """One text; a space stands only where the script before and after has spaces."""
    text = ""
    for sentence in sentences:
        space = " " if text and sentence and text[-1].isascii() and sentence[0].isascii() else ""
        text += space + sentence
    return text


def _spoken_until_ms(sentence: Any) -> int:
    words = sentence.get("words")
    told = words if isinstance(words, list) else []
    ends = [count(word.get("end_time")) or 0 for word in told if isinstance(word, dict)]
    return max(ends, default=0) or count(sentence.get("end_time")) or 0
