"""A text as it sounds, so that a recogniser's spelling of it can be compared with the one that was spoken. Pure.

"我二十岁" and "我20岁", "他在那儿" and "她在那", "It's OK" and "it is okay", "can't" and "cannot"
come out the same. Numbers lose their zeros and their places ("二百五", "250", "two hundred fifty": 2 5): enough to know
them again, and no sign is misread.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+n['’]t\b|[^\W\u3400-\u9fff]+")
_HANZI: Final = re.compile(r"[\u3400-\u9fff]")
_PARTS: Final = re.compile(r"\d|[^\d]+")
_PERCENT: Final = re.compile(r"([\d.]+)\s*[%％]")
_POINT: Final = re.compile(r"(?<=\d)[:：.](?=\d)")
_PER_CENT: Final = "百"
_ORDINAL: Final = frozenset({"st", "nd", "rd", "th"})


def _counted(words: str, first: int = 1) -> dict[str, str]:
    return {word: str(first + at) for at, word in enumerate(words.split())}


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DIGITS: Final = {
    **_counted("一 二 三 四 五 六 七 八 九"),
    **{"两": "2", "俩": "2", "幺": "1", "〇": "", "零": "", "0": "", "zero": ""},
    **_counted("one two three four five six seven eight nine"),
    **_counted("first second third fourth fifth sixth seventh eighth ninth"),
    **{"ten": "1", "tenth": "1", "twelfth": "12", "hundredth": "1", "twentieth": "2", "thirtieth": "3"},
    **_counted("eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 11),
    **_counted("twenty thirty forty fifty sixty seventy eighty ninety", 2),
}
_PLACES: Final = frozenset({*"十百千万亿", "hundred", "thousand", "million"})
"""Silent after a digit; 十 is a 1 of its own where none stands before it."""
_SAME: Final = {
    **{"她": "他", "它": "他", "妳": "你", "您": "你", "地": "的", "得": "的", "再": "在", "作": "做", "号": "日"},
    **{"嘛": "吗", "呀": "啊", "哇": "啊", "噢": "哦", "喔": "哦", "诶": "哎", "欸": "哎"},
    **{"okay": "ok", "its": "it", "im": "i", "lets": "let", "thats": "that", "whats": "what", "youre": "you"},
    **{"theyre": "they", "ill": "i", "ive": "i", "gonna": "going"},
}
NOT: Final = "not"
"""Together with an auxiliary before it one sound: "can not"."""
_AUXILIARIES: Final = _listed("do does did can could will would shall should have has had must was were")
_SHORTENED: Final = {"ca": "can", "wo": "will", "sha": "shall", "ai": ""}
"""What is left of a verb before "n't", where it is not the verb."""
_UNMARKED: Final = {
    "cannot": "can't",
    **{f"{verb}nt": f"{verb}n't" for verb in _listed("do ca wo is are was were does did have has had could would ai")},
}
_SWALLOWED: Final = frozenset({"儿", "is", "am", "are", "s", "m", "re", "ll", "ve", "d", "t"})
"""Not to be relied on: a curled tongue, a contraction."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One hanzi or word, or one digit of a number.

    Attributes:
        text: as it is compared.
        written: as it stands in the text.
        end: where it ends there.
    """

    text: str
    written: str
    end: int


@lru_cache(maxsize=128)
def sounds(text: str) -> tuple[Sound, ...]:
    """The text cut up. What is swallowed belongs to the sound before it."""
    found: list[Sound] = []
    for written, end in _written(text):
        compared = _compared(written, found)
        denies = compared == [NOT] and bool(found) and found[-1].text in _AUXILIARIES
        if (not compared or denies) and found:
            last = found.pop()
            text = f"{last.text} {NOT}" if denies else last.text
            found.append(Sound(text, last.written + _joint(last.written, written) + written, end))
        else:
            *first, last_part = compared or [written]
            found += [Sound(part, "", end) for part in first]
            found.append(Sound(last_part, written, end))
    return tuple(found)


def words(text: str) -> list[str]:
    """Hanzi, and words of other scripts."""
    return _WORD.findall(text)


def _written(text: str) -> Iterator[tuple[str, int]]:
    """Words, digits one by one, with where they end."""
    for match in _WORD.finditer(_POINT.sub("点", _PERCENT.sub(_percent, text))):
        word = unicodedata.normalize("NFKC", match.group()).lower().replace("’", "'")
        parts = _PARTS.findall(word) if any(map(str.isdecimal, word)) else [word]
        end = match.end() - sum(map(len, parts))
        for part in parts:
            end += len(part)
            yield part, max(end, match.start() + 1)


def _percent(sign: re.Match[str]) -> str:
    """As it is said, 百 before the number; as long as it was."""
    return f"百{sign[1]}".ljust(len(sign[0]))


def _compared(word: str, before: list[Sound]) -> list[str]:
    """As one or more sounds; none where the word is silent."""
    last = before[-1].text if before else ""
    if word in _SWALLOWED or (last.isdecimal() and (word in _PLACES or word in _ORDINAL)):
        return []
    if last == _PER_CENT and word in {"分", "之"}:
        return []
    if word == "十":
        return ["1"]
    if word == "半" and last == "点":
        return ["3"]
    if (denied := _UNMARKED.get(word, word)).endswith("n't"):
        return [_denied(denied.removesuffix("n't"))]
    return list(_DIGITS[word]) if word in _DIGITS else [_SAME.get(word, word)]


def _denied(verb: str) -> str:
    """A verb and its "n't", which is no sound to be swallowed: it turns the sentence round."""
    verb = _SHORTENED.get(verb, verb)
    return f"{verb} {NOT}" if verb in _AUXILIARIES else NOT


def _joint(one: str, other: str) -> str:
    return "" if _HANZI.match(one[-1:]) or _HANZI.match(other) else " "
