"""Verdicts for people, for programs and for build servers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from conformance.verdict import CannotRun, Check, Result, Verdict

NAME_WIDTH: Final = 42
_MARKS: Final = {Verdict.PASSED: "ok", Verdict.FAILED: "FAILED", Verdict.NOT_OFFERED: "-", Verdict.NOT_TRIED: "-"}


def line(result: Result) -> str:
    """One row of the table: name, section, verdict, evidence."""
    says = "" if result.verdict in (Verdict.PASSED, Verdict.FAILED) else f"{result.verdict}: "
    row = f"{result.name:<{NAME_WIDTH}} §{result.section}  {_MARKS[result.verdict]:<6}  {says}{result.evidence}"
    return row.rstrip()


def summary(results: Sequence[Result]) -> str:
    """How many of each verdict."""
    counts = Counter(result.verdict for result in results)
    return f"{len(results)} checks: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)


def as_json(target: str, results: Sequence[Result]) -> str:
    """Everything, for programs."""
    counts = Counter(result.verdict for result in results)
    content = {
        "target": target,
        "counts": {verdict: counts[verdict] for verdict in Verdict},
        "checks": [asdict(result) for result in results],
    }
    return json.dumps(content, ensure_ascii=False, indent=2)


def check_writable(path: Path) -> None:
    """Before the checks are run, which takes minutes.

    Raises:
        CannotRun: nothing can be written there.
    """
    there = path.exists()
    try:
        with path.open("ab"):
            pass
        if not there:
            path.unlink()
    except OSError as exc:
        raise _unwritable(path, exc) from exc


def write_junit(path: Path, target: str, results: Sequence[Result]) -> None:
    """As JUnit's XML, one test case a check; what was not offered or not tried is skipped.

    Raises:
        CannotRun: it cannot be written.
    """
    counts = Counter(result.verdict for result in results)
    skipped = counts[Verdict.NOT_OFFERED] + counts[Verdict.NOT_TRIED]
    suite = ET.Element(
        "testsuite",
        name=f"conformance of {target}",
        tests=str(len(results)),
        failures=str(counts[Verdict.FAILED]),
        skipped=str(skipped),
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        suite.append(_case(result))
    try:
        ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as exc:
        raise _unwritable(path, exc) from exc


def listing(checks: Sequence[Check]) -> str:
    """Names, sections and what each check is about."""
    return "\n".join(f"{each.name:<{NAME_WIDTH}} §{each.section}  {each.about}" for each in checks)


def markdown(checks: Sequence[Check]) -> str:
    """The same as tables for the docs, one a group."""
    out: list[str] = []
    group = ""
    for each in checks:
        if each.group != group:
            group = each.group
            out += ["", f"### {group}", "", "| check | section | the rule |", "|---|---|---|"]
        out.append(f"| `{each.name}` | {each.section} | {each.about.replace('|', chr(92) + '|')} |")
    return "\n".join(out).strip() + "\n"


def _unwritable(path: Path, exc: OSError) -> CannotRun:
    return CannotRun(f"cannot write {path}: {exc.strerror or exc}")


def _case(result: Result) -> ET.Element:
    group, _, name = result.name.partition(".")
    case = ET.Element("testcase", classname=f"conformance.{group}", name=name, time=f"{result.seconds:.3f}")
    if result.verdict is Verdict.FAILED:
        ET.SubElement(case, "failure", message=_xml_text(result.evidence), type=f"section {result.section}")
    elif result.verdict is not Verdict.PASSED:
        ET.SubElement(case, "skipped", message=_xml_text(f"{result.verdict}: {result.evidence}"))
    else:
        ET.SubElement(case, "system-out").text = _xml_text(result.evidence)
    return case


def _xml_text(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)
