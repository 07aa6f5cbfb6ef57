"""Figures out of what was noted. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench import plan
from bench.load import Notes, Turn

NS_PER_MS: Final = 1e6
UNANSWERED_S: Final = 5.0
"""A turn of the window that has no answer after so long is lost."""
BUSY: Final = 0.7
"""The share of a core up to which a server is said to have capacity."""
SPENT: Final = 0.85
"""A far end, or callers, that take this share of their core together measure themselves; a server near 1 is full."""
FULL: Final = 0.92


@dataclass(frozen=True, slots=True)
class Usage:
    """What a load cost one process, and what the machine did meanwhile.

    Attributes:
        cpu_s: of the process under test, over the window.
        rss_mb: of it, at the window's end.
        others_cpu: the share of the machine's CPU that went to nothing of the benchmark's.
        stolen_cpu: the share that a virtual machine's host kept to itself while something wanted to run.
        far_end_cpu: the share of one core that the emulator, or the relay's far end, took.
        callers_cpu: the share of one core that the callers took.
    """

    window_s: float
    cpu_s: float
    rss_mb: float
    others_cpu: float
    stolen_cpu: float
    far_end_cpu: float
    callers_cpu: float

    @property
    def core(self) -> float:
        """The share of one core that the process under test took."""
        return self.cpu_s / self.window_s


@dataclass(frozen=True, slots=True)
class Sample:
    """One load on one contender, measured once. Delays in ms.

    Attributes:
        answered_ms: from the end of the caller's speech to the first sound of the answer.
        waited_ms: from the end of speech to the chat request that was answered: endpointing, on purpose.
        own_ms: the rest of it, without what the services took.
        told_ms: from the synthesiser's first sound of a reply to the client's; through the relay, from end to end.
        decided_ms: from the end of speech to the decision, as the server tells it.
        late_ms: how late the callers sent their frames.
        listening: the share of the time that the calls were not replying.
        dry: how often the sound of a reply stopped before its end.
    """

    contender: str
    frame_ms: int
    calls: int
    usage: Usage
    answered_ms: tuple[float, ...] = ()
    waited_ms: tuple[float, ...] = ()
    own_ms: tuple[float, ...] = ()
    told_ms: tuple[float, ...] = ()
    decided_ms: tuple[float, ...] = ()
    late_ms: tuple[float, ...] = ()
    listening: float = math.nan
    turns: int = 0
    dry: int = 0
    lost: int = 0
    errors: int = 0
    kb_up: float = 0.0
    kb_down: float = 0.0

    @property
    def cpu_per_call_minute(self) -> float:
        """CPU seconds that a minute of one call costs."""
        return self.usage.cpu_s / (self.calls * self.usage.window_s / 60)

    @property
    def is_full(self) -> bool:
        """The process under test has no more to give."""
        return self.usage.core >= FULL

    @property
    def is_blind(self) -> bool:
        """The emulator and the callers had their core full: the figures tell of them."""
        return self.usage.far_end_cpu + self.usage.callers_cpu >= SPENT

    @property
    def is_sound(self) -> bool:
        """Nobody lost a turn, was told of an error, or heard a gap."""
        return not (self.dry or self.lost or self.errors)


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
    return of(map(figure, samples))


def of(values: Iterable[float]) -> Spread:
    """The median of some values, with the lowest and the highest."""
    seen = [value for value in values if not math.isnan(value)]
    if not seen:
        return Spread(math.nan, math.nan, math.nan)
    return Spread(median(seen), min(seen), max(seen))


def pooled(samples: Sequence[Sample], delays: Delays, percent: float) -> Spread:
    """A percentile of all repetitions together, with the lowest and the highest that one alone has."""
    alone = spread(samples, lambda sample: percentile(delays(sample), percent))
    together = [delay for sample in samples for delay in delays(sample)]
    return Spread(percentile(together, percent), alone.low, alone.high)


def conversation(
    name: tuple[str, int, int], notes: Notes, stamps: Iterable[Mapping[str, Any]], usage: Usage, since_ns: int
) -> Sample:
    """A load on a server that answers.

    Args:
        name: contender, frame length and calls.
        stamps: the emulator's own.
    """
    times = Times(stamps)
    turns = [turn for turn in notes.turns if turn.spoke_ns >= since_ns and turn.sound_ns]
    contender, frame_ms, calls = name
    return Sample(
        contender,
        frame_ms,
        calls,
        usage,
        answered_ms=_ms(turn.sound_ns - turn.spoke_ns for turn in turns),
        waited_ms=_ms(times.asked(turn) - turn.spoke_ns for turn in turns if times.knows(turn)),
        own_ms=tuple(times.own_ms(turn) for turn in turns if times.knows(turn)),
        told_ms=times.told_ms(turns),
        decided_ms=tuple(float(turn.metrics["endpoint"]) for turn in turns if "endpoint" in turn.metrics),
        late_ms=_ms(notes.late_ns),
        listening=_listening(notes.replies, calls, since_ns, usage.window_s),
        turns=len(turns),
        dry=sum(turn.dry for turn in turns),
        lost=notes.lost + _unanswered(notes, since_ns, usage.window_s),
        errors=notes.errors,
        kb_up=notes.bytes_up / 1000,
        kb_down=notes.bytes_down / 1000,
    )


def trickle(name: tuple[str, int, int], notes: Notes, usage: Usage, since_ns: int) -> Sample:
    """A load on the relay."""
    contender, frame_ms, calls = name
    return Sample(
        contender,
        frame_ms,
        calls,
        usage,
        told_ms=_ms(delay for at, delay in notes.in_flight_ns if at >= since_ns),
        late_ms=_ms(notes.late_ns),
        errors=notes.errors,
        kb_up=notes.bytes_up / 1000,
        kb_down=notes.bytes_down / 1000,
    )


class Times:
    """When the emulator was asked for each reply, and when it gave the first sound of it."""

    def __init__(self, stamps: Iterable[Mapping[str, Any]]) -> None:
        self._sounded: dict[str, int] = {}
        self._first_token: dict[str, int] = {}
        for stamp in stamps:
            if stamp["what"] == "first_audio" and plan.begins_reply(stamp["text"]):
                self._sounded[plan.first_token(stamp["text"])] = stamp["ns"]
            elif stamp["what"] == "first_token":
                self._first_token[stamp["text"]] = stamp["ns"]

    def knows(self, turn: Turn) -> bool:
        """Whether the reply of this turn is among them."""
        return plan.first_token(turn.sentence) in self._first_token

    def asked(self, turn: Turn) -> int:
        """When the request came, in ns: the first token is as long after it as the script says."""
        return self._first_token[plan.first_token(turn.sentence)] - round(plan.FIRST_TOKEN_MS * NS_PER_MS)

    def told_ms(self, turns: Iterable[Turn]) -> tuple[float, ...]:
        """From the synthesiser's first sound of each reply to the caller's."""
        begun = [(turn, self._sounded.get(plan.first_token(turn.sentence))) for turn in turns]
        return _ms(turn.sound_ns - sounded for turn, sounded in begun if sounded is not None)

    def own_ms(self, turn: Turn) -> float:
        """What the first sound took beyond the services, or beyond the decision where the answer waited for that.

        Words that were kept until the decision still have the synthesiser's time before them.
        """
        after_services = (turn.sound_ns - self.asked(turn)) / NS_PER_MS - plan.ANSWER_MS
        told = turn.metrics
        if "endpoint" in told and "first_audio" in told:
            voice_ms = plan.TTS_FIRST_BYTE_MS if told.get("tts_first_text", -1) >= told["endpoint"] else 0
            return min(after_services, float(told["first_audio"] - told["endpoint"] - voice_ms))
        if turn.recognised_ns:
            return min(after_services, (turn.sound_ns - turn.recognised_ns) / NS_PER_MS)
        return after_services


def capacity(samples: Sequence[Sample], contender: str, frame_ms: int) -> tuple[float, str]:
    """Calls that one core holds at `BUSY` of it without a gap, and how that is known.

    Between two loads that were run, CPU is taken to grow evenly; beyond the highest nothing is said.
    """
    points = []
    mine = [sample for sample in samples if (sample.contender, sample.frame_ms) == (contender, frame_ms)]
    for calls in sorted({sample.calls for sample in mine}):
        at_load = [sample for sample in mine if sample.calls == calls]
        fine = not any(sample.is_blind for sample in at_load) and all(sample.is_sound for sample in at_load)
        points.append((calls, spread(at_load, lambda sample: sample.usage.core).middle, fine))
    return _where_busy(points)


def _where_busy(points: Sequence[tuple[int, float, bool]]) -> tuple[float, str]:
    held: tuple[int, float] | None = None
    for calls, core, fine in points:
        if not fine and held is None:
            return math.nan, f"not even {calls} ran without fault"
        if not fine and held is not None:
            return held[0], f"run; at {calls} turns were lost or cut, or the callers' core was full"
        if core > BUSY:
            few, less = held or (0, 0.0)
            return few + (calls - few) * (BUSY - less) / (core - less), f"between {few} and {calls}, both run"
        held = (calls, core)
    if held is None:
        return math.nan, "nothing was run"
    return held[0], f"run, at {100 * held[1]:.0f} % CPU; no more were tried"


def _unanswered(notes: Notes, since_ns: int, window_s: float) -> int:
    last_ns = since_ns + round((window_s - UNANSWERED_S) * 1e9)
    return sum(since_ns <= turn.spoke_ns <= last_ns and not turn.sound_ns for turn in notes.turns)


def _listening(replies: Iterable[tuple[int, int]], calls: int, since_ns: int, window_s: float) -> float:
    """One minus the share of the window that lies between a recognition and its reply's end."""
    until_ns = since_ns + round(window_s * 1e9)
    replying_ns = sum(max(0, min(end, until_ns) - max(begin, since_ns)) for begin, end in replies)
    return 1 - replying_ns / (calls * window_s * 1e9) if replying_ns else math.nan


def _ms(delays_ns: Iterable[int]) -> tuple[float, ...]:
    return tuple(delay / NS_PER_MS for delay in delays_ns)
