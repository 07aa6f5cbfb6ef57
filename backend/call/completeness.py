"""Whether what was said so far looks like a whole utterance: the text's witness in endpointing. Pure."""

from backend.call.spoken import Clause, Completeness, has_words
from backend.call.spoken_en import judge_english
from backend.call.spoken_zh import judge_chinese

__all__ = ["Completeness", "has_words", "judge"]


def judge(text: str) -> Completeness:
    """How finished the text looks by itself; Chinese or English, whichever its end is in."""
    clause = Clause.of(text)
    if not clause.words:
        return Completeness.OPEN
    return judge_english(clause) if clause.words[-1].isascii() else judge_chinese(clause)
