"""`docs/faults.md`, from the list of cases: `python -m tests.faults.page > docs/faults.md`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.faults.cases import ANSWERED, FAMILIES, GOES_ON, STAGES, TROUBLES, WHENS, Case

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"

_COLUMNS: Final = "| fault | service | when | outcome | within | with a second provider |\n|---|---|---|---|---|---|\n"
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
    parts = [_HEAD.read_text("utf-8").format(cases=2 * sum(case.is_there for case in every))]
    for stage in STAGES:
        parts.append(f"\n## {_STAGES[stage]}\n\n{_COLUMNS}")
        parts += _rows([case for case in every if case.stage == stage and case.is_there])
    return "".join(parts)


def _rows(cases: list[Case]) -> Iterator[str]:
    """One for all cases of a fault that end alike."""
    groups: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.trouble.name, *_ends(case)), []).append(case)
    for (name, *ends), alike in groups.items():
        for family, whens in _by_family(alike):
            yield f"| {' | '.join([_NAMES.get(name, name), family, whens, *ends])} |\n"


def _ends(case: Case) -> tuple[str, str, str]:
    """How it ends, within what time, and how with somebody who stands by."""
    if case.misses:
        return f"cannot strike: {case.misses}", "", ""
    harmless = case.outcome in (ANSWERED, GOES_ON)
    within = "" if harmless else f"{case.deadlines} T" if case.deadlines > 1 else "T"
    return _shown(case), within, _with_a_second(replace(case, stands_by=True))


def _with_a_second(case: Case) -> str:
    if case.outcome == ANSWERED:
        return "answered by the second" if case.takes_over else "answered"
    return f"{_shown(case)}; the second from the next turn on"


def _shown(case: Case) -> str:
    return case.outcome if case.outcome in (ANSWERED, GOES_ON) else f"`{case.outcome}`"


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
