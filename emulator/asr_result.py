"""The JSON of a recognition's answers."""

from functools import lru_cache
from typing import Any

from emulator.engines.base import Heard, Utterance


def result(heard: Heard, log_id: str, *, show_utterances: bool) -> dict[str, Any]:
    """The `result` object of one answer.

    Source: docs 6561/1354869, the table of the server's response.
    """
    answer: dict[str, Any] = {"additions": {"log_id": log_id}, "text": heard.text}
    if show_utterances:
        answer["utterances"] = [_utterance(utterance) for utterance in heard.utterances]
    return answer


def since(heard: Heard, told: int) -> Heard:
    """Without the first `told` utterances, as `result_type: single` wants it."""
    return Heard(heard.audio_ms, heard.utterances[told:])


def definite(heard: Heard) -> int:
    """How many utterances are final."""
    return sum(utterance.definite for utterance in heard.utterances)


def settled(heard: Heard) -> Heard:
    """With all utterances final, as the last answer has them."""
    utterances = tuple(Utterance(u.text, u.start_ms, u.end_ms, definite=True) for u in heard.utterances)
    return Heard(heard.audio_ms, utterances)


@lru_cache(maxsize=1024)
def _utterance(utterance: Utterance) -> dict[str, Any]:
    return {
        "additions": {"fixed_prefix_result": ""},
        "definite": utterance.definite,
        "end_time": utterance.end_ms,
        "start_time": utterance.start_ms,
        "text": utterance.text,
        "words": _words(utterance),
    }


def _words(utterance: Utterance) -> list[dict[str, Any]]:
    """One per character, spread evenly: an engine knows only where the utterance begins and ends."""
    words = [char for char in utterance.text if char.isalnum()]
    span_ms = (utterance.end_ms - utterance.start_ms) / max(len(words), 1)
    edges = [utterance.start_ms + round(span_ms * place) for place in range(len(words) + 1)]
    return [
        {"blank_duration": 0, "end_time": end_ms, "start_time": start_ms, "text": word}
        for word, start_ms, end_ms in zip(words, edges, edges[1:], strict=False)
    ]
