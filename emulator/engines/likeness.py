"""How alike two short utterances are, by the characters and words that they share. Pure; Mandarin and English."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

TOKEN: Final = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+(?:'[^\W_]+)?")
CLAUSE: Final = re.compile(r"[，。？！；,.?!;…\n]+")
PARTICLES: Final = re.compile(r"[呀啊呢吧嘛啦哦噢哎哈喂]|[吗了](?=\W*$)")
SAME: Final = (
    (re.compile("干嘛|干吗|干啥|做什么|做啥|忙什么|忙啥|干些什么|做些什么|[干做]了些?什么"), "干什么"),
    (re.compile("啥"), "什么"),
    (re.compile("咋样|怎样"), "怎么样"),
    (re.compile("咋"), "怎么"),
    (re.compile("哪里|哪个地方|什么地方"), "哪儿"),
    (re.compile("旅行|出去玩"), "旅游"),
    (re.compile("影片"), "电影"),
    (re.compile("您"), "你"),
    (re.compile("照相|摄影|拍摄"), "拍照"),
    (re.compile("伤心|难受"), "难过"),
    (re.compile("what's"), "what is"),
    (re.compile("what (?:did you do|have you (?:done|been doing|been up to)|are you up to)"), "what are you doing"),
    (re.compile("i'm"), "i am"),
    (re.compile("you're"), "you are"),
)
COMMON: Final = frozenset(
    "你我他她它们的了是在有没不就也都很这那哪儿什么怎样喜欢觉得会能想要去来个一和跟给吗今天最近现好知道"
) | frozenset(
    re.findall(
        r"\S+",
        "a an the i you he she it we they is am are was were be do does did have has had what how of to in on at for "
        "and my your me that this it's can could would will so just really like think about today some any",
    )
)
"""Words and characters that say little about what an utterance is about."""
COMMON_WEIGHT: Final = 0.2
UNSEEN_RUN_WEIGHT: Final = 0.4
LONGEST_GRAM: Final = 3
SHORT_TOKENS: Final = 3
SHARE_POWER: Final = 0.7

FIRST_PERSON: Final = re.compile(r"我|\b(i|my|me|we)\b", re.IGNORECASE)
SECOND_PERSON: Final = re.compile(r"你|您|\b(you|your)\b", re.IGNORECASE)
OTHER_PERSON: Final = 0.5
"""What I say of me is hardly what was asked about you."""

Weights = Mapping[str, float]


class Likeness:
    """Compares utterances with a fixed collection, in which what is rare counts for more.

    Args:
        collection: each entry is one or more ways to say a thing.
    """

    def __init__(self, collection: Iterable[tuple[str, ...]]) -> None:
        self._ways = [[_Said(way) for way in ways] for ways in collection]

    @cached_property
    def _rarity(self) -> Weights:
        seen = Counter(gram for ways in self._ways for gram in set().union(*(way.grams for way in ways)))
        return {gram: math.log((len(self._ways) + 1) / (count + 0.5)) for gram, count in seen.items()}

    @cached_property
    def _unseen(self) -> float:
        return math.log(2 * (len(self._ways) + 1))

    def scores(self, text: str) -> list[float]:
        """From 0 to 1 for each entry: its likest way to the whole text, or to a clause of it by the clause's share."""
        text = to_the_point(text)
        whole = len(grams(text))
        clauses = [_Said(part) for part in CLAUSE.split(text) if grams(part)]
        asked = [(_Said(text), 1.0), *((clause, (len(clause.grams) / whole) ** SHARE_POWER) for clause in clauses)]
        return [
            max((self._like(a, way) * share for a, share in asked for way in ways), default=0.0) for ways in self._ways
        ]

    def _like(self, a: "_Said", b: "_Said") -> float:
        other_person = a.person and b.person and a.person != b.person
        return self._cosine(a.grams, b.grams) * (OTHER_PERSON if other_person else 1.0)

    def _cosine(self, a: Counter[str], b: Counter[str]) -> float:
        shared = sum(self._weight(gram) ** 2 for gram in a.keys() & b.keys())
        return shared / (self._length(a) * self._length(b)) if shared else 0.0

    def _length(self, text: Counter[str]) -> float:
        return math.sqrt(sum(self._weight(gram) ** 2 for gram in text))

    def _weight(self, gram: str) -> float:
        tokens = gram.split()
        weight = self._rarity.get(gram)
        if weight is None:
            weight = self._unseen * (UNSEEN_RUN_WEIGHT if len(tokens) > 1 else 1.0)
        common = sum(token in COMMON for token in tokens) / len(tokens)
        return weight * math.sqrt(len(tokens)) * (1.0 - common * (1.0 - COMMON_WEIGHT))


class _Said:
    def __init__(self, text: str) -> None:
        self.grams = grams(text)
        first, second = bool(FIRST_PERSON.search(text)), bool(SECOND_PERSON.search(text))
        self.person = "" if first == second else "first" if first else "second"


def to_the_point(text: str) -> str:
    """Without the greeting and the name that an utterance may begin with, when more follows."""
    clauses = [clause for clause in CLAUSE.split(text) if clause.strip()]
    while len(clauses) > 1 and _length(clauses[:1]) <= SHORT_TOKENS < _length(clauses[1:]):
        clauses = clauses[1:]
    return "，".join(clauses)


def _length(clauses: list[str]) -> int:
    return sum(len(TOKEN.findall(clause)) for clause in clauses)


def grams(text: str) -> Counter[str]:
    """Runs of one to three characters (Mandarin) or words (English), after small differences are evened out."""
    text = text.lower().replace("’", "'")
    for pattern, same in SAME:
        text = pattern.sub(same, text)
    tokens = TOKEN.findall(PARTICLES.sub("", text)) or TOKEN.findall(text)
    runs = range(1, LONGEST_GRAM + 1)
    return Counter(" ".join(tokens[at : at + size]) for size in runs for at in range(len(tokens) - size + 1))
