"""A Python that has none of the packages, such as the system's own, is told so and what to do."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from backend.doctor.base import BASE, packages
from backend.doctor.findings import Level
from backend.doctor.patient import ROOT
from tests.doctor.sick import only


def bare_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """This Python without what is installed for it."""
    command = [getattr(sys, "_base_executable", sys.executable), "-S", "-m", "backend.doctor", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PATH": ""})


def test_a_python_without_the_packages_is_told_so_in_a_line_with_what_to_do() -> None:
    done = bare_python()

    assert done.returncode == 1
    assert done.stderr == ""
    first, last = done.stdout.splitlines()
    assert first.startswith("wrong    packages")
    assert "aiohttp" in first
    assert "make doctor" in first
    assert last == "1 wrong, 0 warnings"


def test_scripts_get_it_as_they_get_everything_else() -> None:
    done = bare_python("--json")

    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["ok"] is False
    assert [(each["check"], each["level"]) for each in told["findings"]] == [("packages", "wrong")]


def test_a_single_one_that_is_missing_is_named() -> None:
    assert list(packages()) == []
    found = only(packages(["json", "no_such_package"]), Level.WRONG, "no_such_package")
    assert "json" not in found.text


@pytest.mark.parametrize(("made", "words"), [(True, ".venv/bin/python -m"), (False, "scripts/setup python")])
def test_the_remedy_is_the_projects_own_python_where_there_is_one(tmp_path: Path, made: bool, words: str) -> None:
    if made:
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").touch()

    assert words in only(packages(["no_such_package"], tmp_path), Level.WRONG, "no_such_package").remedy


def test_every_package_that_the_server_depends_on_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[ \[(;]", text)[0].lower() for text in project["dependencies"]}
    installed = importlib.metadata.packages_distributions()
    asked = {name.lower().replace("_", "-") for module in BASE for name in installed.get(module, [module])}

    assert wanted - asked <= {"uvloop"}, "which does without, on systems that do not have it"
