"""Prometheus metrics of one server, in a registry of their own."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from backend.expenses import Charge
from backend.marks import MARKS, Outcome, TurnMarks
from backend.telemetry.fallbacks import Fallback, FallbackGauges
from backend.telemetry.observer import REFUSALS, Refusal, TurnReport
from backend.telemetry.readings import Readings
from backend.telemetry.stages import SERVED_BY, STAGES, Stage, stages

BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
OURSELVES: Final = "self"
_OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_TOKENS: Final = "_tokens"
_KIND: Final = ("stage", "model", "purpose")


class Metrics:
    """Counts what it observes, and reads what it can read when it is asked.

    Args:
        providers: which service hears, thinks and speaks: `asr`, `llm`, `tts` → its name.
    """

    def __init__(self, providers: Mapping[str, str], version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second time series beside each counter, for a form of exposition not used here
        self._registry = CollectorRegistry(auto_describe=False)
        self._providers = dict(providers)
        self._calls = self._counter("calls", "Calls that were let in and began.")
        self._refused = self._counter("calls_refused", "Handshakes that were refused, by reason.", "reason")
        self._turns = self._counter("turns", "Turns that are over, by outcome and error code.", "outcome", "code")
        self._barge_ins = self._counter("barge_ins", "Replies that the caller cut off.")
        self._tokens = self._counter("tokens", "The chat model's tokens, by kind.", "kind")
        self._characters = self._counter("characters", "Characters that the synthesiser counted.")
        self._wasted = self._counter("wasted_requests", "Chat requests that were sent on a guess and dropped.")
        self._cost = self._counter("cost_cny", "What was paid for, by the price table.", *_KIND)
        self._unpriced = self._counter("unpriced_units", "What was used of models without a price.", *_KIND, "unit")
        self._marks = self._histogram("turn_mark", "From the end of the caller's speech to a mark.", "mark")
        self._stages = self._histogram("turn_stage", "What a turn waited for in a stage.", "stage", "provider")
        self._show_all()
        ProcessCollector(registry=self._registry)

    def read(self, readings: Callable[[], Readings], fallbacks: Sequence[Fallback] = ()) -> None:
        """Show these readings, too, and those of the providers that stand by, whenever somebody asks."""
        self._registry.register(_Gauges(readings))
        self._registry.register(FallbackGauges(fallbacks))

    def exposition(self) -> tuple[bytes, str]:
        """Everything, in Prometheus' text format, and the name of that format."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def call_began(self, _call: Hashable, _sid: str) -> None:
        """See `Observer`."""
        self._calls.inc()

    def call_refused(self, reason: Refusal) -> None:
        """See `Observer`."""
        self._refused.labels(reason).inc()

    def turn_done(self, _call: Hashable, report: TurnReport) -> None:
        """See `Observer`."""
        marks = report.marks
        self._turns.labels(marks.outcome, marks.failure).inc()
        if marks.outcome == "interrupted":
            self._barge_ins.inc()
        if not marks.unprompted:
            self._time(marks)
        self._spend(marks.usage)

    def charged(self, charges: Sequence[Charge]) -> None:
        """See `Observer`."""
        for charge in charges:
            kind = (charge.stage, charge.model, charge.purpose)
            if charge.cny is None:
                self._unpriced.labels(*kind, charge.unit).inc(max(0, charge.quantity))
            else:
                self._cost.labels(*kind).inc(max(0.0, float(charge.cny)))

    def call_ended(self, _call: Hashable) -> None:
        """See `Observer`."""

    def _time(self, marks: TurnMarks) -> None:
        for mark, at in marks.at.items():
            self._marks.labels(mark).observe(max(0.0, at - marks.speech_end))
        for stage, seconds in stages(marks):
            self._stages.labels(stage, self._provider(stage, marks.served_by)).observe(seconds)

    def _spend(self, usage: Mapping[str, int]) -> None:
        for unit, amount in usage.items():
            if unit.endswith(_TOKENS):
                self._tokens.labels(unit.removesuffix(_TOKENS)).inc(amount)
            elif unit == "tts_characters":
                self._characters.inc(amount)
            elif unit == "wasted_requests":
                self._wasted.inc(amount)

    def _provider(self, stage: Stage, instead: Mapping[str, str] = MappingProxyType({})) -> str:
        served_by = SERVED_BY.get(stage)
        return OURSELVES if served_by is None else instead.get(served_by, self._providers[served_by])

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"lvc_{name}", words, labels, registry=self._registry)

    def _histogram(self, name: str, words: str, *labels: str) -> Histogram:
        return Histogram(f"lvc_{name}_seconds", words, labels, registry=self._registry, buckets=BUCKETS_S)

    def _show_all(self) -> None:
        """A series that begins at zero shows its first step; one that begins at one does not."""
        for reason in REFUSALS:
            self._refused.labels(reason)
        for outcome in _OUTCOMES:
            if outcome != "failed":
                self._turns.labels(outcome, "")
        for mark in MARKS:
            self._marks.labels(mark)
        for stage in STAGES:
            self._stages.labels(stage, self._provider(stage))


class _Gauges(Collector):
    def __init__(self, readings: Callable[[], Readings]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        now = self._readings()
        yield GaugeMetricFamily("lvc_calls_under_way", "Calls under way.", now.calls)
        yield GaugeMetricFamily("lvc_calls_limit", "Calls at once, at most (MAX_CALLS).", now.max_calls)
        yield GaugeMetricFamily("lvc_accepting", "1 while a further call would be taken, else 0.", int(now.accepting))
        lag = "How late the event loop runs: nine tenths of the latest samples are below."
        yield GaugeMetricFamily("lvc_loop_lag_seconds", lag, now.loop_lag_ms / 1000)
        passed = CounterMetricFamily("lvc_bytes", "Bytes of messages on calls, by direction.", labels=["direction"])
        passed.add_metric(["up"], now.up_bytes)
        passed.add_metric(["down"], now.down_bytes)
        yield passed
