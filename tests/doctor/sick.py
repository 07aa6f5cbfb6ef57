"""Patients for the doctor's checks."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from backend.doctor.findings import Finding, Level
from backend.doctor.patient import ROOT, Patient
from backend.settings import load


def patient(
    values: Mapping[str, str] | None = None, *, root: Path = ROOT, dotenv: Path = Path("no such file"), **more: str
) -> Patient:
    chosen = {**(values or {}), **more}
    return Patient(chosen, load(chosen), root=root, dotenv=dotenv)


def only(findings: Iterable[Finding], level: Level, words: str) -> Finding:
    """The one finding, which has to be this bad, say this, and say what to do."""
    [finding] = findings
    assert finding.level is level, finding
    assert words in finding.text, finding
    assert bool(finding.remedy) is (level in {Level.WRONG, Level.WARNING}), finding
    return finding
