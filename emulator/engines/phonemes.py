"""Mandarin, English and their mixture as the phonemes that Kokoro was trained on. Runs in a worker."""

import contextlib
import logging
import re
from collections.abc import Callable
from typing import Final

import jieba  # type: ignore[import-untyped]
import jieba.posseg  # type: ignore[import-untyped]
from misaki.tone_sandhi import ToneSandhi
from misaki.zh import ZHG2P
from misaki.zh_normalization.text_normalization import TextNormalizer
from pypinyin import Style, lazy_pinyin

CJK: Final = re.compile(r"[\u3400-\u9fff]")
LATIN: Final = re.compile(r"[A-Za-z][A-Za-z'’.-]*(?: +[A-Za-z][A-Za-z'’.-]*)*")
PAUSES: Final = re.compile(r"[…~～—–()（）\[\]【】<>《》「」『』“”\"|/、·\n]+")
TWO_OF: Final = re.compile(r"(?<![一二三四五六七八九十百千零〇第周点])二(?=[个只位天次件张块本杯家场首条句口碗岁年])")
MARKS: Final = str.maketrans({"，": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";", "．": "."})
DIACRITIC: Final = chr(0x32F)  # a mark of the alphabet that the model does not know

English = Callable[[str], str]


class Phonemes:
    """The reader.

    Args:
        english: phonemes of an English phrase.
        cache_folder: where the word list's parsed form is kept between starts.
    """

    def __init__(self, english: English, cache_folder: str) -> None:
        self._english = english
        self._sandhi = ToneSandhi()
        self._numbers = TextNormalizer()
        jieba.setLogLevel(logging.WARNING)
        jieba.dt.tmp_dir = cache_folder
        jieba.dt.initialize()

    def __call__(self, text: str) -> str:
        """All of it, with the marks that make the model pause. Empty when there is nothing to read out."""
        if not CJK.search(text):
            return self._english(text)
        text = PAUSES.sub("，", re.sub(r"(?<=\d),(?=\d{3})", "", text))
        text = TWO_OF.sub("两", self._numbers.normalize_sentence(text))
        out, at = [], 0
        for latin in LATIN.finditer(text):
            out += [self._mandarin(text[at : latin.start()]), self._english(latin.group())]
            at = latin.end()
        return _spaced(" ".join([*out, self._mandarin(text[at:])]))

    def _mandarin(self, text: str) -> str:
        words = self._sandhi.pre_merge_for_modify(jieba.posseg.lcut(text))
        return "".join(self._word(word, kind) for word, kind in words)

    def _word(self, word: str, kind: str) -> str:
        if not CJK.match(word):
            return word.translate(MARKS)
        syllables = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)
        with contextlib.suppress(Exception):  # a character that the tables lack: say the rest
            return " " + "".join(map(ZHG2P.py2ipa, self._sandhi.modified_tone(word, kind, syllables)))
        return ""


def _spaced(phonemes: str) -> str:
    """One space between words and after marks, none before them."""
    phonemes = re.sub(r"\s*([,.!?:;])[\s,]*", r"\1 ", phonemes.replace(DIACRITIC, ""))
    return re.sub(r"\s+", " ", phonemes).strip(" ,")
