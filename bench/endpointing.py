"""`python -m bench.endpointing`: false cut-offs and delays over the corpus of turns, ours beside fixed rules."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from backend.call.turn_end import Endpointer, EndpointLimits
from backend.ports import Hypothesis
from bench import turns, witnesses
from bench.figures import percentile
from bench.report import table
from bench.rules import FixedSilence, FixedText, Rule
from bench.turns import Turn
from bench.witnesses import News

FRAME_MS: Final = 20
GIVE_UP_MS: Final = 6000


@dataclass(frozen=True, slots=True)
class Contender:
    """One rule, by name."""

    name: str
    make: Callable[[], Rule]
    senses: bool


CONTENDERS: Final = (
    Contender("500 ms of silence", lambda: FixedSilence(500), senses=True),
    Contender("2000 ms of silence", lambda: FixedSilence(2000), senses=True),
    Contender("500 ms of unchanged text", lambda: FixedText(500), senses=False),
    Contender("2000 ms of unchanged text", lambda: FixedText(2000), senses=False),
    Contender("ours, with VAD", lambda: Endpointer(EndpointLimits()), senses=True),
    Contender("ours, without VAD", lambda: Endpointer(EndpointLimits()), senses=False),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one turn.

    Attributes:
        delay_ms: from the end of speech to the decision; below zero in a pause.
        text: what the caller is taken to have said.
        whole: whether that is all of it.
        trials: requests on trial that the caller's going on, or more of the text, made useless.
        head_ms: by how much the last trial was ahead of the decision.
    """

    turn: Turn
    delay_ms: int
    text: str
    whole: bool
    trials: int
    head_ms: int

    @property
    def cut_off(self) -> bool:
        """The caller had not finished, or lost the last words."""
        return self.delay_ms < 0 or not self.whole


def replay(turn: Turn, rule: Rule, hearing: Sequence[News], sensing: Sequence[News]) -> Outcome:
    """Let the rule live through a turn, frame by frame."""
    news = sorted([*hearing, *sensing], key=lambda each: each.at_ms)
    final, trials, tried, tried_ms, place = _letters(_last_text(hearing)), 0, None, 0, 0
    now_ms = 0
    while not rule.is_over and now_ms < turn.end_ms + GIVE_UP_MS:
        now_ms += FRAME_MS
        while place < len(news) and news[place].at_ms <= now_ms and not rule.is_over:
            _tell(rule, news[place])
            place += 1
        rule.reach(now_ms)
        wish = _letters(rule.text) if getattr(rule, "is_plausible", False) else None
        if wish != tried:
            trials += tried is not None
            tried, tried_ms = wish, now_ms
    head_ms = now_ms - tried_ms if tried is not None else 0
    return Outcome(turn, now_ms - turn.end_ms, rule.text, _letters(rule.text) == final, trials, head_ms)


def run(corpus: Iterable[Turn], contender: Contender, sensing: Callable[[Turn], Sequence[News]]) -> list[Outcome]:
    """All turns, by one rule."""
    return [
        replay(turn, contender.make(), witnesses.recogniser(turn), sensing(turn) if contender.senses else ())
        for turn in corpus
    ]


def _tell(rule: Rule, news: News) -> None:
    match news.says:
        case Hypothesis():
            rule.hear(news.says)
        case witnesses.Edge(speaking, at_ms):
            rule.sense(speaking, at_ms)


def _last_text(hearing: Sequence[News]) -> str:
    last = hearing[-1].says
    return last.text if isinstance(last, Hypothesis) else ""


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def rows(corpus: Sequence[Turn], sensing: Callable[[Turn], Sequence[News]]) -> list[list[str]]:
    """One row a rule and part of the corpus."""
    found = []
    for part in ("tuning", "held out"):
        of_part = [turn for turn in corpus if turn.part == part]
        for contender in CONTENDERS:
            found.append([f"{part}: {contender.name}", *_figures(run(of_part, contender, sensing))])
    return found


def _figures(outcomes: Sequence[Outcome]) -> list[str]:
    delays = [outcome.delay_ms for outcome in outcomes if not outcome.cut_off]
    cut = sum(outcome.cut_off for outcome in outcomes)
    return [
        str(len(outcomes)),
        f"{100 * cut / len(outcomes):.1f}",
        f"{fmean(delays):.0f}",
        f"{percentile(delays, 50):.0f}",
        f"{percentile(delays, 95):.0f}",
        f"{sum(outcome.trials for outcome in outcomes) / len(outcomes):.2f}",
        f"{fmean(outcome.head_ms for outcome in outcomes):.0f}",
    ]


HEAD: Final = ("rule", "turns", "cut off %", "mean ms", "p50", "p95", "trials in vain / turn", "trial ahead ms")


def main() -> int:
    """Print it."""
    corpus = turns.load()
    print(table(HEAD, rows(corpus, witnesses.detector)))
    if "--why" in sys.argv[1:]:
        _why(corpus)
    return 0


def _why(corpus: Sequence[Turn]) -> None:
    """For tuning: what the tuning part's turns come to."""
    tuning = [turn for turn in corpus if turn.part == "tuning"]
    for contender in CONTENDERS[-2:]:
        print(f"\n{contender.name}")
        for outcome in sorted(run(tuning, contender, witnesses.detector), key=lambda each: each.delay_ms):
            if outcome.cut_off or outcome.delay_ms > 700:
                print(outcome.turn.id, outcome.delay_ms, "CUT" if outcome.cut_off else "", outcome.text)


if __name__ == "__main__":
    sys.exit(main())
