"""Tables and the document around the sections: for the terminal and for `docs/benchmarks.md`. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench import plan
from bench.figures import Spread
from bench.load import BUFFER_MS
from bench.section import Section
from bench.voice import speech

ORDER: Final = (
    *("latency", "dashscope", "store", "passing", "load", "memory", "overload"),
    *("barge-in", "start", "endpointing", "peers"),
)
"""The sections, as they stand in the document."""


def document(sections: Mapping[str, Section]) -> str:
    """The whole of `docs/benchmarks.md`."""
    present = [sections[name] for name in ORDER if name in sections]
    parts = [
        "# Benchmarks",
        "Written by `make bench` and `make bench-peers`; do not edit. What the figures taught is in "
        "[performance.md](performance.md).",
        "## Aims",
        aims_table(present),
        "## Method of all parts",
        method(),
        *(part for section in present for part in _section(section)),
    ]
    return "\n\n".join(parts).rstrip() + "\n"


def aims_table(sections: Iterable[Section]) -> str:
    """Every aim of every part."""
    rows = [[aim.figure, aim.aim, aim.reached, aim.verdict] for section in sections for aim in section.aims]
    return table(["figure", "aim", "reached", "verdict"], rows) if rows else "Nothing was measured."


def method() -> str:
    """What all parts share."""
    return f"""\
- **Services**: one emulator a contender, `scripted` engine, over real sockets on loopback. Recognition tells more of
  the text every 200 ms of speech and all of it with its last sound, and takes {plan.ASR_MS} ms to a definite result;
  chat takes {plan.FIRST_TOKEN_MS} ms to the first token and {plan.TOKEN_MS} ms a token, the first sentence has
  {plan.FIRST_SENTENCE_TOKENS} tokens; synthesis takes {plan.TTS_FIRST_BYTE_MS} ms to a sentence's first sound and then
  gives 200 ms of sound every {plan.TTS_PIECE_MS} ms. From request to sound that is {plan.ANSWER_MS} ms, with
  recognition {plan.ASR_MS + plan.ANSWER_MS} ms.
- **Callers**: {speech().ms / 1000:g} s of recorded Mandarin speech, which ends exactly with a frame; a reply of
  {plan.reply_ms() / 1000:g} s; the next words {plan.PAUSE_MS / 1000:g} s after the last sound of the reply. Frames go
  up at their times during the whole call, silence included. The text is a question that is complete.
  `delivery=stream`, MP3 at 24 kHz down (pipecat: PCM). A gap is sound that comes after a jitter buffer of
  {BUFFER_MS:g} ms has run dry.
- **End of speech** is the caller's: the moment at which the last frame with speech in it was due. First audio is when
  the caller's socket gave the first message with sound. All processes read the machine's monotonic clock.
- **Own time** is what is left of that when two things are taken off: the wait until the chat request that was
  answered came to the emulator (endpointing: a decision, not work), and the {plan.ANSWER_MS} ms that the services take
  after it. What the emulator's timers run late is in it; the row "services alone" shows how much that is. Where the
  answer to a request on trial was ready before the turn was taken as over, own time counts from that decision, and
  where its words went to the synthesiser only then, from {plan.TTS_FIRST_BYTE_MS} ms after it.
- **CPU and memory**: user and system time of all threads, and resident size, of the one process under test.
- A percentile is a value that was really seen; of few values the p99 is simply the largest."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown that is also readable as it stands: the first column to the left, figures to the right."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def cell(of: Spread, digits: int) -> str:
    """`1.20 (1.10-1.40)`; a dash where there is nothing."""
    if math.isnan(of.middle):
        return "-"
    middle, low, high = (f"{value:.{digits}f}" for value in (of.middle, of.low, of.high))
    return middle if low == high else f"{middle} ({low}-{high})"


def _section(section: Section) -> list[str]:
    parts = [f"## {section.title}", f"Measured on {section.day}: {section.machine}."] if section.day else []
    parts = parts or [f"## {section.title}"]
    if section.text:
        parts.append(section.text)
    if section.failures:
        parts.append("Not measured:\n\n" + "\n".join(f"- {_one_line(why)}" for why in section.failures))
    return parts


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]
