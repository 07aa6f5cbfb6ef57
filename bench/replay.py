"""One turn, lived through by one rule. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from backend.ports import Hypothesis
from bench.rules import Rule
from bench.turns import Turn
from bench.witnesses import Edge, News

FRAME_MS: Final = 20
GIVE_UP_MS: Final = 6000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a turn.

    Attributes:
        delay_ms: from the end of speech to the decision; below zero in a pause.
        text: what the caller is taken to have said.
        whole: whether that is all of it.
        in_vain: requests on trial for a text that was not the one in the end.
    """

    turn: Turn
    delay_ms: int
    text: str
    whole: bool
    in_vain: int

    @property
    def cut_off(self) -> bool:
        """The caller had not finished, or lost the last words."""
        return self.delay_ms < 0 or not self.whole


def replay(turn: Turn, rule: Rule, hearing: Sequence[News], sensing: Sequence[News]) -> Outcome:
    """Tell the rule everything at its time, frame by frame, until it decides."""
    news = sorted([*hearing, *sensing], key=lambda each: each.at_ms)
    tried: list[str] = []
    now_ms = place = 0
    while not rule.is_over and now_ms < turn.end_ms + GIVE_UP_MS:
        now_ms += FRAME_MS
        while place < len(news) and news[place].at_ms <= now_ms and not rule.is_over:
            _tell(rule, news[place])
            place += 1
        rule.reach(now_ms)
        if rule.is_plausible and _letters(rule.text) not in tried[-1:]:
            tried.append(_letters(rule.text))
    said = _letters(rule.text)
    in_vain = len(tried) - (said in tried[-1:])
    return Outcome(turn, now_ms - turn.end_ms, rule.text, rule.is_over and said == _said_in_all(hearing), in_vain)


def _tell(rule: Rule, news: News) -> None:
    match news.says:
        case Hypothesis() as hypothesis:
            rule.hear(hypothesis)
        case Edge(speaking, at_ms):
            rule.sense(speaking, at_ms)
        case _:
            assert_never(news.says)


def _said_in_all(hearing: Sequence[News]) -> str:
    return max((_letters(each.says.text) for each in hearing if isinstance(each.says, Hypothesis)), key=len, default="")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
