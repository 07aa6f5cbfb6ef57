"""What a chat model is given: who it is, how it answers, what was said, what is said now."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from backend.persona.card import Card, Example
from backend.ports import Message

_HEADINGS: Final = {
    "zh": ("你是谁", "你怎么说话", "你的底线", "你正在和对方打电话。只说要说出口的话。"),
    "en": ("Who you are", "How you talk", "Your limits", "You are on the phone. Write only the words you say."),
}


class Prompts:
    """Of one server. What depends on the card alone, some two hundred messages, is made once a card.

    Args:
        max_history: messages of the conversation that the model sees.
    """

    def __init__(self, max_history: int) -> None:
        self._max_history = max_history
        self._prefixes: dict[str, tuple[Card, tuple[Message, ...]]] = {}

    def messages(self, card: Card, history: Sequence[Message], text: str) -> tuple[Message, ...]:
        """See `messages`; a card that was loaded anew gets a new beginning."""
        known, prefix = self._prefixes.get(card.id, (None, ()))
        if known is not card:
            prefix = tuple(_prefix(card))
            self._prefixes[card.id] = (card, prefix)
        return _joined(prefix, history, text, self._max_history)


def messages(card: Card, history: Sequence[Message], text: str, *, max_history: int) -> tuple[Message, ...]:
    """The card, its examples, the newest `max_history` messages of the conversation, and what the caller says now.

    All that comes before the history depends on the card alone, so that a service can keep it in its prefix cache. An
    example that can be asked in several ways is one user message of several lines.
    """
    return _joined(tuple(_prefix(card)), history, text, max_history)


def _joined(
    prefix: tuple[Message, ...], history: Sequence[Message], text: str, max_history: int
) -> tuple[Message, ...]:
    window = history[-max_history:] if max_history > 0 else ()
    return (*prefix, *window, Message("user", text))


def _prefix(card: Card) -> Iterator[Message]:
    yield Message("system", system_text(card))
    yield from _few_shot(card.examples)


def system_text(card: Card) -> str:
    """The card's prose under headings in the card's language (Chinese or English)."""
    who, how, limits, where = _HEADINGS["zh" if card.language.startswith("zh") else "en"]
    name = f"{card.name} ({card.name_latin})" if card.name_latin else card.name
    parts = ((who, f"{name}\n{card.character}"), (how, card.style), (limits, card.boundaries))
    return "\n\n".join((*(f"{heading}\n{text}" for heading, text in parts), where))


def _few_shot(examples: Iterable[Example]) -> Iterator[Message]:
    for example in examples:
        yield Message("user", "\n".join(example.caller))
        yield Message("assistant", example.answer)
