"""The report says what was measured."""

import math

from bench import plan, report
from bench.figures import Sample, Spread, Usage
from bench.report import Results


def sample(calls: int, cpu_s: float, delays_ms: tuple[float, ...], rss_mb: float) -> Sample:
    usage = Usage(window_s=60, cpu_s=cpu_s, rss_mb=rss_mb, others_cpu=0.25, stolen_cpu=0.0, far_end_cpu=0.1)
    return Sample(calls, usage, delays_ms, delays_ms, (0.5,), 0.66, 12, 0, 0, 1920.0, 277.0)


def results(own_ms: float, own_cpu_s: float) -> Results:
    few, many = sample(1, 0.5, (1.0,), 80.0), sample(50, own_cpu_s, (1.0, own_ms), 104.5)
    return Results([few, many], [sample(1, 0.2, (0.5,), 30.0), sample(50, 10.0, (0.5,), 32.45)], [79.0])


def test_a_table_lines_its_figures_up() -> None:
    assert report.table(["calls", "p50"], [["1", "0.5"], ["50", "12.25"]]) == (
        "| calls |   p50 |\n| ----- | ----: |\n| 1     |   0.5 |\n| 50    | 12.25 |"
    )


def test_a_cell_shows_the_spread_where_there_is_one() -> None:
    assert report.cell(Spread(1.25, 1.0, 2.0), 2) == "1.25 (1.00-2.00)"
    assert report.cell(Spread(1.25, 1.25, 1.25), 1) == "1.2"
    assert report.cell(Spread(math.nan, math.nan, math.nan), 1) == "-"


def test_the_aims_are_judged_at_the_highest_load() -> None:
    aims = "\n".join(report.tables(results(own_ms=9.0, own_cpu_s=20.0)))

    assert "≤ 10 ms | 9.00 ms | reached |" in aims
    assert "≤ 3 × relay |  2.00 × | reached |" in aims
    assert "not reached" not in aims


def test_an_aim_that_is_missed_is_called_so() -> None:
    aims = "\n".join(report.tables(results(own_ms=11.0, own_cpu_s=31.0)))

    assert "| 11.00 ms | not reached |" in aims
    assert "3.10 × | not reached |" in aims


def test_memory_is_told_for_each_further_call() -> None:
    assert "From 1 to 50 calls each further one took 500 KB (relay: 50 KB)." in "\n".join(
        report.tables(results(own_ms=1.0, own_cpu_s=1.0))
    )


def test_the_document_says_where_when_and_how() -> None:
    document = report.document(results(1.0, 1.0), plan.FULL, "2 × Fast CPU", "2030-01-02")

    assert document.startswith("# Benchmarks\n")
    assert "Machine: 2 × Fast CPU. Measured on 2030-01-02." in document
    assert "recognition takes 100 ms" in document
    assert "1, 10, 50 at a time" in document
    assert document.endswith("|\n")
