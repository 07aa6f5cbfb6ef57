"""What a chat model is given: who it is, how it answers, what was said, what is said now.

What depends on the card alone comes first and never changes, so that a service can keep it in its prefix cache, for all
calls together. What is remembered of earlier turns comes after it, as it changes every few turns, and then the turns.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from backend.past import parted
from backend.persona.card import Card, Example
from backend.persona.recap import recalled
from backend.persona.tongue import tongue
from backend.ports import Message

_HEADINGS: Final = {
    "zh": ("你是谁", "你怎么说话", "你的底线", "你正在和对方打电话。只说要说出口的话。"),
    "en": ("Who you are", "How you talk", "Your limits", "You are on the phone. Write only the words you say."),
}
_SILENCE: Final = Message("user", "…")
"""Where she spoke twice in a row, or first: many a chat template wants the two to take turns."""


class Prompts:
    """Of one server. What depends on the card alone, some two hundred messages, is made once a card."""

    def __init__(self) -> None:
        self._prefixes: dict[str, tuple[Card, tuple[Message, ...]]] = {}

    def messages(self, card: Card, past: Sequence[Message], text: str) -> tuple[Message, ...]:
        """The card, its examples, what is remembered, what was said, and what the caller says now.

        A card that was loaded anew gets a new beginning. An example that can be asked in several ways is one user
        message of several lines.

        Args:
            past: as `backend.past` has it.
        """
        summary, said = parted(past)
        remembered = recalled(card, summary) if summary else ()
        return (*self._prefix(card), *remembered, *_in_turns(said), Message("user", text))

    def _prefix(self, card: Card) -> tuple[Message, ...]:
        known, prefix = self._prefixes.get(card.id, (None, ()))
        if known is not card:
            prefix = (Message("system", system_text(card)), *_few_shot(card.examples))
            self._prefixes[card.id] = (card, prefix)
        return prefix


def system_text(card: Card) -> str:
    """The card's prose under headings in the card's language (Chinese or English)."""
    who, how, limits, where = _HEADINGS[tongue(card)]
    name = f"{card.name} ({card.name_latin})" if card.name_latin else card.name
    parts = ((who, f"{name}\n{card.character}"), (how, card.style), (limits, card.boundaries))
    return "\n\n".join((*(f"{heading}\n{text}" for heading, text in parts), where))


def _few_shot(examples: Iterable[Example]) -> Iterator[Message]:
    for example in examples:
        yield Message("user", "\n".join(example.caller))
        yield Message("assistant", example.answer)


def _in_turns(said: Sequence[Message]) -> Iterator[Message]:
    before = "assistant"  # the last example
    for message in said:
        if message.role == before == "assistant":
            yield _SILENCE
        yield message
        before = message.role
