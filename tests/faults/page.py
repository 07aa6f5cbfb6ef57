"""`docs/faults.md`, from the list of cases: `python -m tests.faults.page > docs/faults.md`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.faults.cases import ANSWERED, FAMILIES, GOES_ON, STAGES, TROUBLES, WHENS, Case

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"

_HEAD: Final = Path(__file__).with_name("head.md")
_STAGES: Final = {"asr": "Recognition", "llm": "Chat", "tts": "Synthesis"}
_FAMILIES: Final = {"volcengine": "Doubao", "dashscope": "DashScope"}
_NAMES: Final = {
    "refused": "refused (HTTP 503)",
    "quota": "quota used up",
    "slow connect": "slow connect: the handshake is not answered in time",
    "slow first byte": "slow first byte: it comes after the deadline",
    "half-close": "half-close in mid-stream",
    "reset": "reset in mid-stream (TCP)",
    "garbage frame": "garbage frame in mid-stream",
    "wrong order": "wrong order: the end before the beginning",
    "wrong session": "an answer for another session",
    "oversize": "oversize: a message of 64 MiB, or an event without an end",
    "idle close": "idle close: a kept connection is closed",
    "error mid-sentence": "error frame in mid-sentence",
}


def page() -> str:
    """The whole of it."""
    every = [Case(f, s, t, w) for s in STAGES for t in TROUBLES for f in FAMILIES for w in WHENS]
    parts = [_HEAD.read_text("utf-8").format(cases=sum(case.is_there for case in every))]
    for stage in STAGES:
        parts.append(f"\n## {_STAGES[stage]}\n\n| fault | service | when | outcome | within |\n|---|---|---|---|---|\n")
        parts += _rows([case for case in every if case.stage == stage and case.is_there])
    return "".join(parts)


def _rows(cases: list[Case]) -> Iterator[str]:
    """One for all cases of a fault that end alike."""
    groups: dict[tuple[str, str, int], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.trouble.name, case.outcome, case.deadlines), []).append(case)
    for (name, outcome, deadlines), alike in groups.items():
        for family, whens in _by_family(alike):
            shown = outcome if outcome in (ANSWERED, GOES_ON) else f"`{outcome}`"
            within = "" if outcome in (ANSWERED, GOES_ON) else f"{deadlines if deadlines > 1 else ''} T".strip()
            yield f"| {_NAMES.get(name, name)} | {family} | {whens} | {shown} | {within} |\n"


def _by_family(alike: Sequence[Case]) -> Iterator[tuple[str, str]]:
    whens = {family: [case.when for case in alike if case.family == family] for family in FAMILIES}
    if whens[FAMILIES[0]] == whens[FAMILIES[1]]:
        yield "both", _when(whens[FAMILIES[0]])
        return
    for family in FAMILIES:
        if whens[family]:
            yield _FAMILIES[family], _when(whens[family])


def _when(whens: Sequence[str]) -> str:
    return "any" if len(whens) == len(WHENS) else ", ".join(whens)


if __name__ == "__main__":
    print(page(), end="")
