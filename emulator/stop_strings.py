"""Ends an answer at the first of the strings that the client named, wherever they fall among the tokens."""

from collections.abc import Sequence


class StopStrings:
    """Of one answer. What it gives, joined, is the answer up to the first stop string, which is not part of it."""

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = [string for string in strings if string]
        self._held = ""
        self.reached = False

    def feed(self, token: str) -> str:
        """What of the answer can be told by now; its end is held back as long as it may begin a stop string."""
        text = self._held + token
        if found := [at for string in self._strings if (at := text.find(string)) >= 0]:
            self.reached, self._held = True, ""
            return text[: min(found)]
        held = self._beginning(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held back, where the answer ended before it became a stop string."""
        rest, self._held = self._held, ""
        return rest

    def _beginning(self, text: str) -> int:
        """How many characters at the end are the beginning of a stop string."""
        longest = min(len(text), max((len(string) - 1 for string in self._strings), default=0))
        ends = range(longest, 0, -1)
        return next((size for size in ends if any(each.startswith(text[-size:]) for each in self._strings)), 0)
