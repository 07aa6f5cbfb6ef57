"""The kit itself: whole on its own, every check described, and its verdicts told truly in each form."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from conformance import docs, mp3, report, runner
from conformance.__main__ import COULD_NOT_RUN, FAILED, PASSED, main
from conformance.bench import DATA
from conformance.rules import RULES
from conformance.verdict import CHECKS, GROUPS, CannotRun, Result, Verdict

ROOT = Path(__file__).parents[2]
RESULTS = [
    Result("frames.version", "1", Verdict.PASSED, "6 frames", 0.5),
    Result("frames.flags", "1", Verdict.FAILED, "the flags are not 0: TTSDone [11 91 10 00]", 0.25),
    Result("extensions.barge-in", "5", Verdict.NOT_OFFERED, "the server does not know barge_in"),
    Result("shutdown.idle-call-is-told", "4", Verdict.NOT_TRIED, "needs --pid"),
]


def test_its_golden_frames_are_the_golden_frames() -> None:
    assert (DATA / "frames.json").read_bytes() == (ROOT / "tests" / "vectors" / "frames.json").read_bytes()


def test_it_runs_where_nothing_else_of_this_project_is(tmp_path: Path) -> None:
    copied = subprocess.run(["cp", "-r", str(ROOT / "conformance"), str(tmp_path)], check=False)
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "conformance", "--list"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert copied.returncode == 0
    assert (listed.returncode, listed.stderr) == (0, "")
    assert len(listed.stdout.splitlines()) == len(CHECKS)


def test_there_are_checks_of_every_group_and_enough_of_them() -> None:
    assert len(CHECKS) >= 80
    assert {check.group for check in CHECKS.values()} == set(GROUPS)


def test_every_check_names_its_section_and_says_its_rule() -> None:
    for check in CHECKS.values():
        assert re.fullmatch(r"[1-6]", check.section), check.name
        assert check.about.endswith("."), check.name


def test_groups_and_names_select() -> None:
    chosen = runner.select(groups=["shutdown"], names=["frames.version"])

    assert [check.group for check in chosen] == ["frames", *["shutdown"] * 5]


def test_a_name_that_there_is_not_cannot_run() -> None:
    with pytest.raises(CannotRun, match=r"frames\.colour"):
        runner.select(names=["frames.colour"])


def test_where_nobody_answers_it_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ws://127.0.0.1:9/", "--only", "frames"]) == COULD_NOT_RUN
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_an_address_that_is_none_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:9/"]) == COULD_NOT_RUN
    assert main(["--serve", "--port", "99999"]) == COULD_NOT_RUN
    assert "ws://" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*_: object) -> list[Result]:
        raise AssertionError("it was run")

    monkeypatch.setattr(runner, "run", run)

    assert main(["ws://127.0.0.1:9/", "--junit", str(tmp_path / "nowhere" / "out.xml")]) == COULD_NOT_RUN
    assert main(["ws://127.0.0.1:9/", "--junit", str(tmp_path)]) == COULD_NOT_RUN
    said = capsys.readouterr().err
    assert said.count("cannot write") == said.count("\n") == 2


def test_asking_whether_a_report_can_be_written_leaves_the_place_as_it_was(tmp_path: Path) -> None:
    older = tmp_path / "older.xml"
    older.write_text("kept")

    for path in (older, tmp_path / "new.xml"):
        report.check_writable(path)

    assert [path.name for path in tmp_path.iterdir()] == ["older.xml"]
    assert older.read_text() == "kept"


@pytest.mark.parametrize(("verdicts", "status"), [([0], PASSED), ([0, 1], FAILED), ([0, 2, 3], PASSED)])
def test_the_exit_status_says_whether_a_check_failed(
    verdicts: list[int], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object) -> list[Result]:
        return [RESULTS[at] for at in verdicts]

    monkeypatch.setattr(runner, "run", run)

    assert main(["ws://127.0.0.1:9/", "--json"]) == status


def test_a_line_has_name_section_verdict_and_evidence() -> None:
    assert report.line(RESULTS[1]).split(maxsplit=3) == ["frames.flags", "§1", "FAILED", RESULTS[1].evidence]
    assert report.line(RESULTS[3]).endswith("not tried: needs --pid")


def test_json_holds_everything() -> None:
    told = json.loads(report.as_json("ws://x/", RESULTS))

    assert told["counts"] == {"passed": 1, "FAILED": 1, "not offered": 1, "not tried": 1}
    assert told["checks"][1] == {
        "name": "frames.flags",
        "section": "1",
        "verdict": "FAILED",
        "evidence": RESULTS[1].evidence,
        "seconds": 0.25,
    }


def test_junit_counts_failures_and_what_was_skipped(tmp_path: Path) -> None:
    report.write_junit(tmp_path / "out.xml", "ws://x/", RESULTS)
    suite = ET.parse(tmp_path / "out.xml").getroot()

    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "2")
    failure = suite.find("testcase[@name='flags']/failure")
    assert failure is not None
    assert failure.get("message") == RESULTS[1].evidence


def test_silence_is_a_whole_mp3() -> None:
    assert mp3.read(mp3.silence(5)) == mp3.Sound(frames=5, rate_hz=24_000, borrows=False)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", mp3.silence()[:-1], mp3.silence() + b"x", b"\xff\xf3\xf4\xc0" + bytes(92)]
)
def test_what_is_no_whole_mp3_is_told_apart(data: bytes) -> None:
    with pytest.raises(mp3.NotMp3):
        mp3.read(data)


def test_the_page_lists_every_check_and_rule_as_it_is() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")

    assert docs.filled(page) == page, "run: python -m conformance.docs docs/conformance.md"
    assert all(f"| `{name}` |" in page for name in [*CHECKS, *RULES])


def test_the_page_names_every_option() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    options = set(re.findall(r'add\("(--[a-z-]+)"', (ROOT / "conformance" / "__main__.py").read_text(encoding="utf-8")))

    assert {option for option in options if f"`{option}" not in page} <= {"--host", "--serve", "--port"}
    assert "python -m conformance --serve --port" in page
