"""Lists of words that Paraformer shall expect, made over HTTP; a recognition is told a list's id.

Source: Model Studio docs "vocabulary-http-api", "custom-hot-words".
"""

from collections.abc import Sequence
from typing import Any, Final

from backend.errors import ConfigError, ProviderUnavailable
from backend.providers.dashscope.customization import HOT_WORDS, Customization, EnrolmentConfig
from backend.providers.dashscope.wire import said

MOST_WORDS: Final = 500
_MOST_CHARS: Final = 15
_MOST_PARTS: Final = 7
_WEIGHT: Final = 4
"""Of 1 to 5, what the vendor calls typical."""


class HotWordLists:
    """An account's lists. Every method may raise `ProviderError`, and `ConfigError` for words that no list takes."""

    def __init__(self, config: EnrolmentConfig) -> None:
        self._service = Customization(config, HOT_WORDS)

    async def create(self, model: str, prefix: str, words: Sequence[str]) -> str:
        """Make one for this recognition model, with which alone it has an effect; its id."""
        asked = {"target_model": model, "prefix": prefix, "vocabulary": rows(words)}
        output = await self._service.ask("create_vocabulary", asked)
        if not (ident := said(output, "vocabulary_id")):
            raise ProviderUnavailable("asr", "the service made a list without saying which")
        return ident

    async def update(self, ident: str, words: Sequence[str]) -> None:
        """Put these words in place of those that it has."""
        await self._service.ask("update_vocabulary", {"vocabulary_id": ident, "vocabulary": rows(words)})

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._service.aclose()


def rows(words: Sequence[str]) -> list[dict[str, Any]]:
    """The words as the service takes them, each once.

    Raises:
        ConfigError: one is too long, or there are too many.
    """
    known = list(dict.fromkeys(words))
    for word in known:
        if not word.strip() or (len(word.split()) > _MOST_PARTS if word.isascii() else len(word) > _MOST_CHARS):
            rule = f"{_MOST_CHARS} characters, or {_MOST_PARTS} English words"
            raise ConfigError(f"{word!r} can be no hot word: those have up to {rule}")
    if not 0 < len(known) <= MOST_WORDS:
        raise ConfigError(f"a list has 1 to {MOST_WORDS} hot words, not {len(known)}")
    return [{"text": word, "weight": _WEIGHT, "lang": "en" if word.isascii() else "zh"} for word in known]
