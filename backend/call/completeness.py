"""Whether what was said so far looks like a whole utterance: the text's witness in endpointing. Pure."""

from backend.call.spoken import Clause, Completeness, has_words, length
from backend.call.spoken_en import goes_on_in_english, judge_english
from backend.call.spoken_zh import judge_chinese

__all__ = ["Completeness", "has_words", "judge", "length"]


def judge(text: str) -> Completeness:
    """How finished the text looks by itself, by the rules of the language that its end is in.

    An English word at the end of a Chinese clause makes it no English one.
    """
    clause = Clause.of(text)
    if not clause.words:
        return Completeness.OPEN
    if not clause.words[-1].isascii():
        return judge_chinese(clause)
    if not any(map(_is_chinese, clause.last)):
        return judge_english(clause)
    return Completeness.UNFINISHED if goes_on_in_english(clause) else judge_chinese(clause)


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
