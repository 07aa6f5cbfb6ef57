"""Who is on the other end of the line: cards as data, and what a chat model is told of them."""

from backend.persona.card import Card, Check, Example, Speech, Voice, load
from backend.persona.prompt import messages
from backend.persona.shelf import Shelf

__all__ = ["Card", "Check", "Example", "Shelf", "Speech", "Voice", "load", "messages"]
