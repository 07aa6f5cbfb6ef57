"""`python -m backend.vocabulary [CARD …]`: makes Paraformer a list of hot words, of what callers call the personas.

Doubao is sent the names with each recognition; Paraformer takes the id of a list that was made beforehand. The line
that is printed belongs into `.env`. An account has ten lists: `--update ID` puts the words into one that there is.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from backend.cast import Cast
from backend.errors import ConfigError, ProviderError
from backend.persona.shelf import Shelf
from backend.providers.dashscope import build
from backend.settings import Settings, load


async def made(settings: Settings, cards: Sequence[str], *, prefix: str = "persona", ident: str = "") -> str:
    """Make a list of these personas' names, or put them into the list `ident`; its id.

    Raises:
        ConfigError: there is no account, no such card, or a name that can be no hot word.
        ProviderError: the service refuses, or cannot be reached.
    """
    lists = build.hot_words(settings)
    if lists is None:
        raise ConfigError("DASHSCOPE_API_KEY is not set: lists of hot words are made in an account of DashScope's")
    shelf = Shelf()
    ids = [shelf.open(card).id for card in cards or (settings.persona,)]
    cast = Cast(shelf, ids[0], settings.tts.provider, settings.tts.voice)
    words = [name for card in ids for name in cast.names(card)]
    try:
        if ident:
            await lists.update(ident, words)
            return ident
        return await lists.create(build.ears_model(settings), prefix, words)
    finally:
        await lists.aclose()


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is asked for; the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        ident = asyncio.run(made(load(), asked.cards, prefix=asked.prefix, ident=asked.update))
    except (ConfigError, ProviderError) as exc:
        print(f"live voice call: {exc}", file=sys.stderr)
        return 1
    print(f"DASHSCOPE_ASR_VOCABULARY_ID={ident}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.vocabulary", description="Make a list of hot words.")
    parser.add_argument("cards", nargs="*", help="ids or paths of persona cards (PERSONA unless given)")
    parser.add_argument("--prefix", default="persona", help="of the id: up to 10 of a-z 0-9 (%(default)s)")
    parser.add_argument("--update", default="", metavar="ID", help="a list that there is, whose words are replaced")
    return parser


if __name__ == "__main__":
    sys.exit(main())
