"""`python -m bench.fresh`: how sentences outside the corpus are judged at their pauses and at their ends.

With `--why` it lists what is misjudged in the half to work on, and leaves the other half alone.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from backend.call.completeness import Completeness, judge
from bench import witnesses
from bench.endpointing import OURS
from bench.replay import Outcome, replay
from bench.report import table
from bench.scores import cut_off_percent, delays_ms
from bench.turns import FOLDER, Turn, turn_of
from tests.data.turns.times import SYLLABLES_PER_S, Line, bare, read, timed

DRAWS: Final = 3
"""How often the length of every pause is drawn."""
HEAD: Final = ("half", "place", "places", *(f"{looks.value} %" for looks in Completeness))
Half = Literal["to work on", "to check"]
HALVES: Final[tuple[Half, ...]] = ("to work on", "to check")


@dataclass(frozen=True, slots=True)
class Place:
    """The words up to a silence, without the mark that a recogniser may put after them."""

    text: str
    goes_on: bool


def load(half: Half, draw: int = 0) -> list[Line]:
    """Every second line, each as if spoken by the next of the corpus's speakers."""
    return [
        line
        for language in ("zh", "en")
        for number, words in enumerate((FOLDER / f"fresh_{language}.txt").read_text("utf-8").splitlines())
        if HALVES[number % 2] == half
        for line in [read(f"{language}-fresh-{number}-{draw} {_speaker(number // 2)} {words}")]
    ]


def places(line: Line) -> Iterator[Place]:
    """Where a line falls silent."""
    words: list[str] = []
    for number, run in enumerate(line.runs, 1):
        words += run
        text = line.text(words)
        yield Place(bare(text), goes_on=number < len(line.runs))


def lived(half: Half) -> list[Outcome]:
    """What became of the half, its pauses drawn several times."""
    drawn = [turn_of(timed(line)) for draw in range(DRAWS) for line in load(half, draw)]
    return [_outcome(turn) for turn in drawn]


def main() -> int:
    """Print it, or what is asked for."""
    if "--why" in sys.argv[1:]:
        for looks in (Completeness.COMPLETE, Completeness.OPEN, Completeness.UNFINISHED):
            _list(looks)
        return 0
    print(table(HEAD, [row for half in HALVES for row in rows(half)]))
    print()
    print(table(("half", "turns", "cut off %", "delay: mean ms"), [_figures(half) for half in HALVES]))
    return 0


def rows(half: Half) -> Iterator[Sequence[str]]:
    """How the pauses, and the ends, of a half are judged."""
    found = [place for line in load(half) for place in places(line)]
    for name, goes_on in (("pause", True), ("end", False)):
        looks = Counter(judge(place.text) for place in found if place.goes_on is goes_on)
        yield half, name, str(looks.total()), *(f"{100 * looks[each] / looks.total():.1f}" for each in Completeness)


def _figures(half: Half) -> Sequence[str]:
    outcomes = lived(half)
    return half, str(len(outcomes)), f"{cut_off_percent(outcomes):.1f}", f"{fmean(delays_ms(outcomes)):.0f}"


def _list(looks: Completeness) -> None:
    goes_on = looks is not Completeness.UNFINISHED
    print(f"\n{looks.value}, but {'goes on' if goes_on else 'ends'}:")
    for line in load("to work on"):
        for place in places(line):
            if place.goes_on is goes_on and judge(place.text) is looks:
                print("   ", place.text)


def _outcome(turn: Turn) -> Outcome:
    return replay(turn, OURS.make(), witnesses.recogniser(turn), witnesses.detector(turn))


def _speaker(number: int) -> str:
    speakers = list(SYLLABLES_PER_S)
    return speakers[number % len(speakers)]


if __name__ == "__main__":
    sys.exit(main())
