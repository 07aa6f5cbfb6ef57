"""What `scripts/setup` says when something is missing, and that it does nothing twice; its programs only pretend."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "scripts" / "setup"
TOOLS = ("sh", "dirname", "cat", "cp", "rm", "mkdir", "touch", "cmp", "find", "head", "tr", "chmod")

PYTHON = """#!/bin/sh
case "$1 $2" in
-c*) exit "${OLD_PYTHON:-0}" ;;
"-m venv")
    [ -z "${NO_VENV:-}" ] || exit 1
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
    echo "pip $*" >>log
    if [ -n "${NO_INDEX:-}" ]; then echo "ERROR: no such package" >&2; exit 1; fi
    case "$*" in
    *poetry==*)
        echo '#!/bin/sh' >.poetry/bin/poetry
        echo 'echo "poetry $*" >>log; exit ${BAD_LOCK:-0}' >>.poetry/bin/poetry
        chmod +x .poetry/bin/poetry ;;
    esac ;;
"-m backend.settings") echo "${EXTRAS:-}" ;;
"-m backend.vad.weights") ;;
esac
"""
NODE = """#!/bin/sh
case $1 in
-e) exit "${OLD_NODE:-0}" ;;
--version) echo v18.0.0 ;;
esac
"""
NPM = """#!/bin/sh
echo "npm $*" >>../log
case $1 in
ci)
    if [ -n "${NO_REGISTRY:-}" ]; then echo "npm error network" >&2; exit 1; fi
    mkdir -p node_modules ;;
run)
    if [ -n "${BAD_PAGE:-}" ]; then echo "error TS2322"; exit 1; fi
    mkdir -p dist && touch dist/index.html ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A machine with a checkout and a few programs."""

    home: Path
    bin: Path

    def has(self, name: str, program: str) -> None:
        """Install it."""
        (self.bin / name).write_text(program)
        (self.bin / name).chmod(0o755)

    def setup(self, what: str, **values: str) -> tuple[int, str, str]:
        """Status, and what was said on stdout and stderr."""
        env = {"PATH": str(self.bin), **values}
        command = [str(self.bin / "sh"), str(self.home / "scripts" / "setup"), what]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    def did(self) -> list[str]:
        """Commands of pip, Poetry and npm since the last time this was asked."""
        log = self.home / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [" ".join(line.split()[:5]) for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home, folder = tmp_path / "checkout", tmp_path / "bin"
    for each in (home / "scripts", home / "frontend" / "src", home / "frontend" / "public", folder):
        each.mkdir(parents=True)
    shutil.copy(SETUP, home / "scripts" / "setup")
    (home / "poetry.lock").write_text("one")
    for name in ("package-lock.json", "index.html", "vite.config.ts", "src/main.tsx"):
        (home / "frontend" / name).write_text("one")
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return Machine(home, folder)


def refused(ran: tuple[int, str, str], sentence: str) -> bool:
    """One sentence of ours, at the end, and status 1."""
    status, _, said = ran
    last = said.splitlines()[-1]
    return (status, last.startswith(f"live voice call: {sentence}"), said.count("live voice call:")) == (1, True, 1)


def test_without_a_python_that_is_new_enough_it_says_how_to_name_one(machine: Machine) -> None:
    sentence = "Python 3.11 or newer is needed; install it, or name it: make run PYTHON="
    assert refused(machine.setup("python"), sentence)
    machine.has("python3", PYTHON)
    assert refused(machine.setup("python", OLD_PYTHON="1"), sentence)
    assert refused(machine.setup("python", PYTHON="/nowhere/python3.12"), sentence)


def test_a_python_that_makes_no_environments_is_told_from_one_that_is_missing(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    assert refused(machine.setup("python", NO_VENV="1"), "python3 cannot make a virtual environment; on Debian")


def test_packages_that_cannot_be_installed_are_one_sentence_after_pips_own_and_are_tried_again(
    machine: Machine,
) -> None:
    machine.has("python3", PYTHON)
    ran = machine.setup("python", NO_INDEX="1")
    assert refused(
        ran, "a Python package could not be installed (pip's message is above); check the network, or set PIP_"
    )
    assert ran[2].startswith("ERROR: no such package\n")
    assert machine.setup("python")[0] == 0


def test_a_lock_that_does_not_fit_is_one_sentence(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    assert refused(machine.setup("python", BAD_LOCK="1"), "poetry.lock does not fit pyproject.toml; run: .poetry/bin/")


def test_what_is_installed_is_installed_once_a_lock(machine: Machine) -> None:
    machine.has("python3", PYTHON)
    install = "pip -m pip --disable-pip-version-check --quiet"
    assert machine.setup("python", EXTRAS="on-device vad")[0] == 0
    assert machine.did() == [
        install,
        "poetry export --no-interaction --output .venv/core.txt",
        install,
        "poetry export --no-interaction --output .venv/on-device+vad.txt",
        install,
    ]
    assert machine.setup("python", EXTRAS="on-device vad") == (0, "", "")
    assert machine.did() == []
    (machine.home / "poetry.lock").write_text("two")
    assert machine.setup("python")[0] == 0
    assert machine.did() == ["poetry export --no-interaction --output .venv/core.txt", install]


def test_without_node_and_npm_it_says_which_is_needed(machine: Machine) -> None:
    sentence = "Node.js 20.19 or newer, with npm, is needed to build the page; install it from your package manager"
    assert refused(machine.setup("page"), sentence)
    machine.has("node", NODE)
    assert refused(machine.setup("page"), sentence)


def test_an_old_node_is_told_its_version(machine: Machine) -> None:
    machine.has("node", NODE)
    machine.has("npm", NPM)
    assert refused(
        machine.setup("page", OLD_NODE="1"), "Node.js 20.19 or newer is needed to build the page; this is v18"
    )
    assert machine.did() == []


def test_a_page_that_cannot_be_fetched_or_built_is_one_sentence_and_is_tried_again(machine: Machine) -> None:
    machine.has("node", NODE)
    machine.has("npm", NPM)
    assert refused(machine.setup("page", NO_REGISTRY="1"), "the page's packages could not be fetched (npm's message is")
    ran = machine.setup("page", BAD_PAGE="1")
    assert refused(ran, "the page could not be built")
    assert "error TS2322" in ran[2]
    assert machine.setup("page")[0] == 0


def test_the_page_is_built_once_and_again_when_its_sources_are_newer(machine: Machine) -> None:
    machine.has("node", NODE)
    machine.has("npm", NPM)
    assert machine.setup("page")[0] == 0
    assert machine.did() == ["npm ci --no-fund --no-audit --loglevel=error", "npm run --silent build"]
    built = machine.home / "frontend" / "dist" / "index.html"
    os.utime(built, (built.stat().st_mtime + 5,) * 2)
    assert machine.setup("page") == (0, "", "")
    assert machine.did() == []
    source = machine.home / "frontend" / "src" / "main.tsx"
    os.utime(source, (built.stat().st_mtime + 5,) * 2)
    assert machine.setup("page")[0] == 0
    assert machine.did() == ["npm run --silent build"]


def test_another_word_is_answered_with_the_usage(machine: Machine) -> None:
    assert refused(machine.setup("everything"), "usage: scripts/setup python|dev|page")
