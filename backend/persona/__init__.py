"""Who is on the other end of the line: cards as data, and what a chat model is told of them."""

from backend.persona.card import Card, Check, Example, Speech, Voice, load
from backend.persona.prompt import Prompts
from backend.persona.shelf import Shelf

__all__ = ["Card", "Check", "Example", "Prompts", "Shelf", "Speech", "Voice", "load"]
