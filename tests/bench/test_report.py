"""The report says what was measured, and what was not."""

import math
from pathlib import Path

from bench import keeping, load_tables, plan, report
from bench.figures import Sample, Spread, Usage
from bench.section import Aim, Section, judged, judged_least


def sample(contender: str, calls: int, core: float, frame_ms: int = 20, answered_ms: float = 800.0) -> Sample:
    usage = Usage(60, 60 * core, 80, others_cpu=0.25, stolen_cpu=0.0, far_end_cpu=0.1, callers_cpu=0.1)
    return Sample(contender, frame_ms, calls, usage, (answered_ms,), told_ms=(0.5,), late_ms=(0.5,), turns=12)


def test_a_table_lines_its_figures_up() -> None:
    assert report.table(["calls", "p50"], [["1", "0.5"], ["50", "12.25"]]) == (
        "| calls |   p50 |\n| ----- | ----: |\n| 1     |   0.5 |\n| 50    | 12.25 |"
    )


def test_a_cell_shows_the_spread_where_there_is_one() -> None:
    assert report.cell(Spread(1.25, 1.0, 2.0), 2) == "1.25 (1.00-2.00)"
    assert report.cell(Spread(1.25, 1.25, 1.25), 1) == "1.2"
    assert report.cell(Spread(math.nan, math.nan, math.nan), 1) == "-"


def test_an_aim_is_reached_at_its_bound_and_missed_beyond_it() -> None:
    assert judged("a", 10, 10.0, " ms", 1) == Aim("a", "≤ 10 ms", "10.0 ms", "reached")
    assert judged("a", 10, 10.1, " ms", 1).verdict == "not reached"
    assert judged_least("a", 40, 39.0, "").verdict == "not reached"
    assert judged_least("a", 40, 40.0, "") == Aim("a", "≥ 40", "40", "reached")


def test_an_aim_that_was_not_measured_is_neither() -> None:
    assert judged("a", 10, math.nan, " ms") == Aim("a", "≤ 10 ms", "-", "not measured")
    assert judged_least("a", 10, math.nan, " ms").verdict == "not measured"


def test_cpu_is_judged_at_the_load_aimed_at_and_beside_the_relay() -> None:
    samples = [sample("relay", 50, 0.2), sample("ours, VAD off", 50, 0.45), sample("ours, VAD off", 100, 0.99)]

    verdicts = {aim.figure: (aim.reached, aim.verdict) for aim in load_tables.aims(samples)}

    cpu = "CPU-s per call-minute, 20 ms frames, 50 calls, ours, VAD off"
    assert verdicts[cpu] == ("0.540", "reached")
    assert verdicts[f"{cpu}, times the relay"] == ("2.25 ×", "reached")
    assert verdicts["calls per core at ≤ 70 % CPU, no underrun, 20 ms frames, ours, VAD on"] == ("-", "not measured")


def test_a_load_that_was_not_run_leaves_a_dash() -> None:
    samples = [sample("relay", 1, 0.01), sample("relay", 50, 0.2), sample("ours, VAD off", 1, 0.02)]

    assert load_tables.cpu_table(samples).splitlines()[-1].endswith(" - |")


def test_a_full_or_blind_load_is_marked() -> None:
    usage = Usage(10, 9.9, 80, 0, 0, far_end_cpu=0.5, callers_cpu=0.4)

    table = load_tables.conditions_table([Sample("ours", 20, 100, usage)])

    assert "99 full" in table
    assert "40 blind" in table


def test_the_document_has_aims_first_then_the_sections_and_what_is_missing() -> None:
    section = Section(
        "Start", "text", (Aim("f", "≤ 1 s", "0.5 s", "reached"),), ("why\n  not",), "2 × CPU", "2030-01-02"
    )

    document = report.document({"start": section})

    assert document.index("| f ") < document.index("## Start")
    assert "Measured on 2030-01-02: 2 × CPU." in document
    assert document.endswith("Not measured:\n\n- why not\n")


def test_the_method_tells_the_plans_figures() -> None:
    assert f"{plan.ANSWER_MS} ms, with" in report.method()
    assert "\n\n" not in report.method()


def test_a_part_that_is_run_again_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    file, document = tmp_path / "kept.json", tmp_path / "kept.md"
    aim = Aim("f", "≤ 1", "1", "reached")
    keeping.keep(
        file, document, {"start": Section("Start", "old"), "memory": Section("Memory", "kept", (aim,), ("x",))}
    )

    keeping.keep(file, document, {"start": Section("Start", "new")})

    assert keeping.load(file) == {
        "start": Section("Start", "new"),
        "memory": Section("Memory", "kept", (aim,), ("x",)),
    }
    assert "new" in document.read_text("utf-8")
    assert "kept" in document.read_text("utf-8")


def test_a_part_that_was_skipped_leaves_earlier_figures_alone(tmp_path: Path) -> None:
    file, document = tmp_path / "kept.json", tmp_path / "kept.md"
    keeping.keep(file, document, {"peers": Section("Peers", "figures")})

    keeping.keep(file, document, {"peers": Section("Peers", "Skipped: why.", skipped=True)})

    assert keeping.load(file) == {"peers": Section("Peers", "figures")}


def test_a_part_that_was_skipped_says_so_where_there_is_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "kept.md"

    keeping.keep(tmp_path / "kept.json", document, {"peers": Section("Peers", "Skipped: why.", skipped=True)})

    assert "Skipped: why." in document.read_text("utf-8")
