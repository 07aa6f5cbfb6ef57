"""How well a rule did over many turns. Pure."""

from collections.abc import Sequence
from statistics import fmean
from typing import Final

from bench.figures import percentile
from bench.replay import Outcome

HEAD: Final = ("rule", "turns", "cut off %", "delay: mean ms", "p50", "p95", "trials in vain / turn")


def cut_off_percent(outcomes: Sequence[Outcome]) -> float:
    """Of all turns."""
    return 100 * sum(outcome.cut_off for outcome in outcomes) / len(outcomes)


def delays_ms(outcomes: Sequence[Outcome]) -> list[int]:
    """Of the turns that were not cut off."""
    return [outcome.delay_ms for outcome in outcomes if not outcome.cut_off]


def figures(outcomes: Sequence[Outcome]) -> list[str]:
    """A row under `HEAD`, without its first cell."""
    delays = delays_ms(outcomes)
    return [
        str(len(outcomes)),
        f"{cut_off_percent(outcomes):.1f}",
        f"{fmean(delays):.0f}" if delays else "-",
        f"{percentile(delays, 50):.0f}",
        f"{percentile(delays, 95):.0f}",
        f"{sum(outcome.in_vain for outcome in outcomes) / len(outcomes):.2f}",
    ]
