"""How far into a reply its announced sentences go. Pure."""

from collections.abc import Iterable


def split_after(text: str, announced: Iterable[str]) -> tuple[str, str]:
    """The part of a text that these sentences of it, in their order, have told, and the rest.

    A service may trim or reword what it tells: a sentence that is not found counts by its length.
    """
    end = 0
    for sentence in announced:
        at = text.find(sentence, end)
        end = min(len(text), (at if at >= 0 else end) + len(sentence))
    return text[:end], text[end:]
