"""How many tokens a request had whose service did not tell: as its latest other ones had. Pure."""

from collections import OrderedDict
from typing import Final

from backend.expenses import ChatTab, ChatUsage

_MODELS_KEPT: Final = 64
_TOKENS_IN_TEN_CHARS: Final = 7
"""Where nothing is known: vendors say that a token is about one and a half hanzi, or a short word."""


class TokenRatios:
    """Tokens per character of a prompt, and per piece of an answer, as each model was last seen to count."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[ChatTab, ChatUsage]] = OrderedDict()

    def learn(self, tab: ChatTab) -> None:
        """A request whose service told."""
        if tab.usage is None or not tab.prompt_chars:
            return
        self._seen[tab.model] = (tab, tab.usage)
        self._seen.move_to_end(tab.model)
        while len(self._seen) > _MODELS_KEPT:
            self._seen.popitem(last=False)

    def knows(self, model: str) -> bool:
        """Whether a request of this model was ever told of."""
        return model in self._seen

    def estimate(self, tab: ChatTab) -> ChatUsage:
        """What a request will have cost that was cut off; none of its prompt counts as cached."""
        if (seen := self._seen.get(tab.model)) is None:
            return ChatUsage(_scaled(tab.prompt_chars, _TOKENS_IN_TEN_CHARS, 10), tab.pieces)
        like, usage = seen
        prompt = _scaled(tab.prompt_chars, usage.prompt_tokens, like.prompt_chars)
        return ChatUsage(
            prompt, _scaled(tab.pieces, usage.completion_tokens, like.pieces) if like.pieces else tab.pieces
        )


def _scaled(amount: int, by: int, of: int) -> int:
    """`amount * by / of`, to the nearest whole number."""
    return (2 * amount * by + of) // (2 * of)
