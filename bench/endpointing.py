"""`python -m bench.endpointing`: false cut-offs and delays over the corpus of turns, ours beside fixed rules.

With `--why` it lists the turns of the tuning part that ours cuts off or lets wait, and leaves the other part alone.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from backend.call.turn_end import Endpointer, EndpointLimits
from backend.errors import ConfigError
from bench import turns, witnesses
from bench.replay import Outcome, replay
from bench.report import table
from bench.rules import FixedSilence, FixedText, Rule
from bench.scores import HEAD, cut_off_percent, delays_ms, figures
from bench.turns import PARTS, Part, Turn
from bench.witnesses import News

LONG_WINDOW_MS: Final = 800
LATE_MS: Final = 800
HEADING: Final = "## Endpointing"

Sensing = Callable[[Turn], Sequence[News]]


@dataclass(frozen=True, slots=True)
class Contender:
    """One rule.

    Attributes:
        senses: whether it has voice activity detection.
    """

    name: str
    make: Callable[[], Rule]
    senses: bool
    end_window_ms: int = witnesses.END_WINDOW_MS


def _ours() -> Rule:
    return Endpointer(EndpointLimits())


OURS: Final = Contender("ours, with VAD", _ours, senses=True)
DEAF: Final = Contender("ours, without VAD", _ours, senses=False)
SENSING: Final = (
    Contender("fixed: 500 ms of silence", lambda: FixedSilence(500), senses=True),
    Contender("fixed: 2000 ms of silence", lambda: FixedSilence(2000), senses=True),
    OURS,
)
ALL: Final = (
    *SENSING[:2],
    Contender("fixed: 500 ms of unchanged text", lambda: FixedText(500), senses=False),
    Contender("fixed: 2000 ms of unchanged text", lambda: FixedText(2000), senses=False),
    OURS,
    DEAF,
    Contender(f"{DEAF.name}, recogniser waits {LONG_WINDOW_MS} ms", _ours, senses=False, end_window_ms=LONG_WINDOW_MS),
)


def run(corpus: Sequence[Turn], part: Part, contender: Contender, sensing: Sensing) -> list[Outcome]:
    """One part's turns, by one rule."""
    return [
        replay(
            turn,
            contender.make(),
            witnesses.recogniser(turn, contender.end_window_ms),
            sensing(turn) if contender.senses else (),
        )
        for turn in corpus
        if turn.part == part
    ]


def reached() -> tuple[float, float]:
    """Of the held-out part, with VAD: the share of turns that were cut off in percent, and the mean delay in ms."""
    outcomes = run(turns.load(), "held out", OURS, witnesses.detector)
    return cut_off_percent(outcomes), fmean(delays_ms(outcomes))


def section() -> str:
    """The whole of it, for `docs/benchmarks.md`."""
    corpus = turns.load()
    sounding = [turn for turn in corpus if turn.sound is not None]
    return "\n\n".join(
        (
            HEADING,
            _METHOD.format(count=len(corpus), sounding=len(sounding)),
            _tables(corpus, ALL, witnesses.detector),
            f"The {len(sounding)} turns that have sound, heard by the server's own voice activity detection:",
            _with_sound(sounding),
        )
    )


_METHOD: Final = f"""\
{{count}} turns in Chinese and English with true word times and pauses
([what they are](../tests/data/turns/README.md)), each replayed in frames of 20 ms on the audio clock, together with a
model of a recogniser (text {witnesses.LAG_MS[0]} to {witnesses.LAG_MS[1]} ms behind the sound and told every
{witnesses.RESULT_EVERY_MS} ms, marks at pauses that may be wrong, final after {witnesses.END_WINDOW_MS} ms of silence)
and of voice activity detection ([both](../bench/witnesses.py)). A turn counts as cut off when the rule decides before
the caller's last word has ended, or without all of the words. The delay is from the end of the last word to the
decision, over turns that were not cut off. A trial is a request on a plausible end; it was in vain when the text
changed after it. The rules were tuned on the tuning part alone; which part a turn belongs to, its id alone decides."""


def _tables(corpus: Sequence[Turn], contenders: Sequence[Contender], sensing: Sensing) -> str:
    return "\n\n".join(
        f"{part.capitalize()}:\n\n"
        + table(HEAD, [[each.name, *figures(run(corpus, part, each, sensing))] for each in contenders])
        for part in PARTS
    )


def _with_sound(sounding: Sequence[Turn]) -> str:
    try:
        from bench import silero  # noqa: PLC0415 - numpy and the model are wanted here alone

        heard = silero.detector()
    except (ConfigError, ImportError) as exc:
        return f"Skipped: {exc}"
    told = {turn.id: heard(turn) for turn in sounding}
    return _tables(sounding, SENSING, lambda turn: told[turn.id])


def _why() -> None:
    corpus = turns.load()
    for contender in (OURS, DEAF):
        print(f"\n{contender.name}")
        for outcome in sorted(run(corpus, "tuning", contender, witnesses.detector), key=lambda each: each.delay_ms):
            if outcome.cut_off or outcome.delay_ms > LATE_MS:
                print(outcome.turn.id, outcome.delay_ms, "cut off" if outcome.cut_off else "late", outcome.text)


def main() -> int:
    """Print it, or what is asked for."""
    if "--why" in sys.argv[1:]:
        _why()
        return 0
    print(section())
    return 0


if __name__ == "__main__":
    sys.exit(main())
