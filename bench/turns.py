"""The corpus of spoken turns, and its two parts: two-thirds to tune on, a third that is only reported."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

FOLDER: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "turns"
Part = Literal["tuning", "held out"]
PARTS: Final[tuple[Part, ...]] = ("tuning", "held out")


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or one Chinese character; `mark` is the punctuation that a careful writer puts after it."""

    text: str
    mark: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance with its times.

    Attributes:
        pauses: the silences inside, as (start, end) in ms.
        sound: its recording, where there is one.
    """

    id: str
    language: str
    words: tuple[Word, ...]
    pauses: tuple[tuple[int, int], ...]
    sound: Path | None

    @property
    def end_ms(self) -> int:
        """Where speech ends for good."""
        return self.words[-1].end_ms

    @property
    def part(self) -> Part:
        """Fixed by the id alone."""
        return "held out" if zlib.crc32(self.id.encode()) % 3 == 0 else "tuning"

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """Where there is speech."""
        edges = [self.words[0].start_ms, *(edge for pause in self.pauses for edge in pause), self.end_ms]
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    def written(self, words: Sequence[Word], marks: Sequence[str]) -> str:
        """These words with these marks after them."""
        between = "" if self.language == "zh" else " "
        return between.join(word.text + mark for word, mark in zip(words, marks, strict=True))


def load() -> tuple[Turn, ...]:
    """All of it."""
    return tuple(turn_of(json.loads(line)) for line in (FOLDER / "turns.jsonl").read_text("utf-8").splitlines())


def turn_of(record: dict[str, Any]) -> Turn:
    """From a line of `turns.jsonl`, or what would be one."""
    words = tuple(_word(*each) for each in record["words"])
    cuts = [pause["after"] for pause in record["pauses"]]
    sound = FOLDER / "audio" / f"{record['id']}.ogg"
    return Turn(
        record["id"],
        record["language"],
        words,
        tuple((words[cut - 1].end_ms, words[cut].start_ms) for cut in cuts),
        sound if sound.exists() else None,
    )


def _word(text: str, start_ms: int, end_ms: int) -> Word:
    bare = text.rstrip(".,!?，。！？、…")
    return Word(bare, text[len(bare) :], start_ms, end_ms)
