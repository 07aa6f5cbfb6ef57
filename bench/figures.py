"""Figures out of what was noted. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.load import Notes

NS_PER_MS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Usage:
    """What a load cost one process, and what the machine did meanwhile.

    Attributes:
        cpu_s: of the process under test, over the window.
        rss_mb: of it, at the window's end.
        others_cpu: the share of the machine's CPU that went to nothing of the benchmark's.
        stolen_cpu: the share that a virtual machine's host kept to itself while something wanted to run.
        far_end_cpu: the share of one core that the emulator, or the relay's far end, took.
    """

    window_s: float
    cpu_s: float
    rss_mb: float
    others_cpu: float
    stolen_cpu: float
    far_end_cpu: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One load, measured once.

    Attributes:
        recognised_ms: from the recogniser's definite result to `SentenceRecognized` at the client.
        sounded_ms: from the synthesiser's first sound to the client's; through the relay, from end to end.
        late_ms: how late the callers sent their frames.
        listening: the share of the time that the calls were Idle.
    """

    calls: int
    usage: Usage
    recognised_ms: tuple[float, ...]
    sounded_ms: tuple[float, ...]
    late_ms: tuple[float, ...]
    listening: float
    turns: int
    lost: int
    errors: int
    kb_up: float
    kb_down: float

    @property
    def cpu_per_call_minute(self) -> float:
        """CPU seconds that a minute of one call costs."""
        return self.usage.cpu_s / (self.calls * self.usage.window_s / 60)


Delays = Callable[[Sample], tuple[float, ...]]
"""Which of a sample's delays, in ms."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the repetitions."""

    middle: float
    low: float
    high: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was really seen; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def spread(samples: Iterable[Sample], figure: Callable[[Sample], float]) -> Spread:
    """The median of the repetitions, with the lowest and the highest; repetitions without the figure do not count."""
    values = [value for value in map(figure, samples) if not math.isnan(value)]
    if not values:
        return Spread(math.nan, math.nan, math.nan)
    return Spread(median(values), min(values), max(values))


def pooled(samples: Sequence[Sample], delays: Delays, percent: float) -> Spread:
    """A percentile of all repetitions together, with the lowest and the highest that one alone has."""
    alone = spread(samples, lambda sample: percentile(delays(sample), percent))
    together = [delay for sample in samples for delay in delays(sample)]
    return Spread(percentile(together, percent), alone.low, alone.high)


def conversation(calls: int, notes: Notes, stamps: Iterable[Mapping[str, Any]], usage: Usage, since_ns: int) -> Sample:
    """A load on our server; `stamps` are the emulator's own."""
    truth = [stamp for stamp in stamps if stamp["ns"] >= since_ns]
    return Sample(
        calls,
        usage,
        recognised_ms=_delays_ms(truth, "definite", notes.recognised),
        sounded_ms=_delays_ms(truth, "first_audio", notes.first_sound),
        late_ms=_ms(notes.late_ns),
        listening=_listening(notes.replies, calls, since_ns, usage.window_s),
        turns=sum(end >= since_ns for _, end in notes.replies),
        lost=notes.lost,
        errors=notes.errors,
        kb_up=notes.bytes_up / 1000,
        kb_down=notes.bytes_down / 1000,
    )


def trickle(calls: int, notes: Notes, usage: Usage, since_ns: int) -> Sample:
    """A load on the relay."""
    return Sample(
        calls,
        usage,
        recognised_ms=(),
        sounded_ms=_ms(delay for at, delay in notes.in_flight_ns if at >= since_ns),
        late_ms=_ms(notes.late_ns),
        listening=math.nan,
        turns=0,
        lost=0,
        errors=0,
        kb_up=notes.bytes_up / 1000,
        kb_down=notes.bytes_down / 1000,
    )


def _delays_ms(truth: Iterable[Mapping[str, Any]], what: str, heard: Mapping[str, int]) -> tuple[float, ...]:
    return _ms(
        heard[stamp["text"]] - stamp["ns"] for stamp in truth if stamp["what"] == what and stamp["text"] in heard
    )


def _listening(replies: Iterable[tuple[int, int]], calls: int, since_ns: int, window_s: float) -> float:
    """One minus the share of the window that lies between a recognition and its reply's end."""
    until_ns = since_ns + round(window_s * 1e9)
    replying_ns = sum(max(0, min(end, until_ns) - max(begin, since_ns)) for begin, end in replies)
    return 1 - replying_ns / (calls * window_s * 1e9)


def _ms(delays_ns: Iterable[int]) -> tuple[float, ...]:
    return tuple(delay / NS_PER_MS for delay in delays_ns)
