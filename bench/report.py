"""Tables and their words: for the terminal and for `docs/benchmarks.md`. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import Final

from bench import plan
from bench.figures import Delays, Sample, Spread, percentile, pooled, spread
from bench.plan import Plan

OWN_LATENCY_MS: Final = 10
TIMES_RELAY: Final = 3

_RECOGNISED: Final[Delays] = attrgetter("recognised_ms")
_SOUNDED: Final[Delays] = attrgetter("sounded_ms")


@dataclass(slots=True)
class Results:
    """Everything that was measured; `idle_mb` is the server's memory after one turn, once a repetition."""

    ours: list[Sample] = field(default_factory=list)
    relay: list[Sample] = field(default_factory=list)
    idle_mb: list[float] = field(default_factory=list)


def document(results: Results, what: Plan, machine: str, day: str) -> str:
    """The whole of `docs/benchmarks.md`."""
    return (
        "\n\n".join(
            (
                "# Benchmarks",
                "Written by `make bench`; do not edit. What the figures taught is in [performance.md](performance.md).",
                f"Machine: {machine}. Measured on {day}.",
                "## Method",
                method(what),
                *tables(results),
            )
        ).rstrip()
        + "\n"
    )


def tables(results: Results) -> tuple[str, ...]:
    """Headings, tables and remarks, in order."""
    return (
        "## Own latency",
        "Milliseconds that our server adds, seen from the client, beside what the relay adds. Each cell is of all "
        "repetitions together, and in brackets stand the lowest and the highest of one alone.",
        _latency_table(results),
        "## Processor and memory",
        "Each cell is the median of the repetitions, and in brackets stand the lowest and the highest.",
        _cost_table(results),
        "## Aims",
        _aims(results),
        "## What else the run saw",
        _conditions_table(results),
    )


def method(what: Plan) -> str:
    """How it is measured."""
    loads = ", ".join(map(str, what.calls))
    return f"""\
- **Server**: `python -m backend.handler` in a process of its own on one core; on the other core its emulator
  (`scripted` engine, a process too) and the callers. Where there is one core only, or no choice of cores, nothing is
  pinned.
- **Services**: recognition takes {plan.ASR_MS} ms from the end of its 800 ms of silence to the definite result,
  chat {plan.FIRST_TOKEN_MS} ms to the first token and {plan.TOKEN_MS} ms a token,
  synthesis {plan.TTS_FIRST_BYTE_MS} ms to a sentence's first sound and then 200 ms of sound
  every {plan.TTS_PIECE_MS} ms.
- **Callers**: {loads} at a time over the public wire with `delivery=stream`, MP3 at 24 kHz down,
  {plan.FRAME_MS} ms frames up at their exact times for the whole call. A turn is {plan.PAUSE_MS / 1000:g} s of quiet,
  {plan.SPEECH_MS / 1000:g} s of speech, the silence that ends it, and a reply of {len(plan.reply(0))} characters;
  the last table says which share of the time the calls were really listening.
- **Latency**: the emulator stamps the moment at which it hands a result or a sound to its socket, the caller the
  moment at which it has it from its own; both read the machine's monotonic clock. So both sockets, the kernel and the
  caller's event loop are in it, as they are for the relay.
- **Relay**: [`bench/relay.py`](../bench/relay.py), a forwarder on the same `websockets` library, on the same core as
  the server, with one upstream connection a caller. The callers send the same frames; the far end sends as many bytes
  of sound and as many events as a turn has. It hands on every frame; our server drops those that come during a reply.
- **Figures**: CPU time (user and system) and resident memory of the one process under test, without emulator and
  callers. Relay and server take turns at each load. {what.repetitions} repetitions with fresh processes;
  windows of {what.window_s:g} s (relay {what.relay_window_s:g} s) after {what.settle_s:g} s of conversation.
  A percentile is a value that was really seen; of few values the p99 is simply the largest.
- **Disturbance**: the last table shows how late the callers themselves were, what else the machine was busy with, and
  how much of it the host of a virtual machine took away. Where these are high, the latencies tell of the machine."""


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


def _latency_table(results: Results) -> str:
    paths: list[tuple[str, Sequence[Sample], Delays]] = [
        ("definite result → `SentenceRecognized`", results.ours, _RECOGNISED),
        ("first sound → first audio frame", results.ours, _SOUNDED),
        ("relay, end to end", results.relay, _SOUNDED),
    ]
    rows = [
        [
            f"{calls} × {path}",
            _percentile_cell(at_load, delays, 50),
            _percentile_cell(at_load, delays, 99),
            str(sum(len(delays(sample)) for sample in at_load)),
        ]
        for calls in _loads(results)
        for path, samples, delays in paths
        for at_load in [_at(samples, calls)]
    ]
    return table(["calls × path", "p50 ms", "p99 ms", "seen"], rows)


def _percentile_cell(samples: Sequence[Sample], delays: Delays, percent: float) -> str:
    return cell(pooled(samples, delays, percent), 2)


def _cost_table(results: Results) -> str:
    rows = []
    for calls in _loads(results):
        ours, relay = _at(results.ours, calls), _at(results.relay, calls)
        rows.append(
            [
                str(calls),
                cell(spread(ours, lambda sample: sample.cpu_per_call_minute), 3),
                cell(spread(relay, lambda sample: sample.cpu_per_call_minute), 3),
                f"{_times_relay(results, calls):.2f}",
                cell(spread(ours, lambda sample: sample.usage.rss_mb), 1),
                cell(spread(relay, lambda sample: sample.usage.rss_mb), 1),
            ]
        )
    head = ["calls", "server CPU-s / call-minute", "relay", "ratio", "server RSS MB", "relay"]
    idle_mb = sorted(results.idle_mb)[len(results.idle_mb) // 2]
    remarks = [f"Idle, after one turn, the server holds {idle_mb:.1f} MB.", *_per_further_call(results)]
    return f"{table(head, rows)}\n\n{' '.join(remarks)}"


def _per_further_call(results: Results) -> list[str]:
    return [
        f"From {few} to {many} calls each further one took "
        f"{1000 * (_rss(results.ours, many) - _rss(results.ours, few)) / (many - few):.0f} KB "
        f"(relay: {1000 * (_rss(results.relay, many) - _rss(results.relay, few)) / (many - few):.0f} KB)."
        for few, many in pairwise(_loads(results))
    ]


def _aims(results: Results) -> str:
    most = max(_loads(results))
    ours = _at(results.ours, most)
    rows = []
    paths: list[tuple[str, Delays]] = [("recognised", _RECOGNISED), ("sounded", _SOUNDED)]
    for name, delays in paths:
        reached = pooled(ours, delays, 99).middle
        rows.append([f"p99 own latency, {name}, {most} calls", f"≤ {OWN_LATENCY_MS} ms", f"{reached:.2f} ms"])
        rows[-1].append(_verdict(reached <= OWN_LATENCY_MS))
    ratio = _times_relay(results, most)
    rows.append([f"CPU, {most} calls", f"≤ {TIMES_RELAY} × relay", f"{ratio:.2f} ×", _verdict(ratio <= TIMES_RELAY)])
    return table(["figure", "aim", "reached", "verdict"], rows)


def _conditions_table(results: Results) -> str:
    rows = [
        [
            f"{calls} {name}",
            cell(spread(samples, lambda sample: 100 * sample.listening), 0),
            cell(spread(samples, lambda sample: sample.kb_up * 60 / sample.usage.window_s / sample.calls), 0),
            cell(spread(samples, lambda sample: sample.kb_down * 60 / sample.usage.window_s / sample.calls), 0),
            f"{sum(sample.turns for sample in samples)}",
            f"{sum(sample.lost + sample.errors for sample in samples)}",
            cell(spread(samples, lambda sample: percentile(sample.late_ms, 99)), 1),
            cell(spread(samples, lambda sample: 100 * sample.usage.far_end_cpu), 0),
            cell(spread(samples, lambda sample: 100 * sample.usage.others_cpu), 0),
            cell(spread(samples, lambda sample: 100 * sample.usage.stolen_cpu), 0),
        ]
        for calls in _loads(results)
        for name, samples in (("server", _at(results.ours, calls)), ("relay", _at(results.relay, calls)))
    ]
    head = ["calls", "listening %", "KB up / min", "KB down / min", "turns", "lost or failed"]
    head += ["frames late, p99 ms", "far end's core %", "machine at other work %", "stolen %"]
    return table(head, rows)


def _loads(results: Results) -> list[int]:
    return sorted({sample.calls for sample in results.ours})


def _at(samples: Sequence[Sample], calls: int) -> list[Sample]:
    return [sample for sample in samples if sample.calls == calls]


def _rss(samples: Sequence[Sample], calls: int) -> float:
    return spread(_at(samples, calls), lambda sample: sample.usage.rss_mb).middle


def _times_relay(results: Results, calls: int) -> float:
    ours, relay = (
        spread(_at(samples, calls), lambda sample: sample.cpu_per_call_minute).middle
        for samples in (results.ours, results.relay)
    )
    return ours / relay if relay else math.nan


def _verdict(reached: bool) -> str:
    return "reached" if reached else "not reached"
