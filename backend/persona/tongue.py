"""The language that a card's prompts are written in."""

from typing import Literal

from backend.persona.card import Card


def tongue(card: Card) -> Literal["zh", "en"]:
    """Chinese for Chinese cards, English for all others."""
    return "zh" if card.language.startswith("zh") else "en"
