"""The providers that stand by, as metrics."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Fallback(Protocol):
    """A stage with two providers, as its breaker tells of it."""

    takeovers: int

    @property
    def stage(self) -> str:
        """`asr`, `llm` or `tts`."""

    @property
    def providers(self) -> tuple[str, str]:
        """The usual one, and the one that stands by."""

    @property
    def in_use(self) -> int:
        """Which of them is asked first now."""


class FallbackGauges(Collector):
    """Reads them when somebody asks."""

    def __init__(self, fallbacks: Sequence[Fallback]) -> None:
        self._fallbacks = tuple(fallbacks)

    def collect(self) -> Iterable[Metric]:
        """The metrics, without series where nobody stands by."""
        labels = ["stage", "provider"]
        in_use = GaugeMetricFamily("lvc_fallback_in_use", "1 while the provider that stands by serves.", labels=labels)
        took_over = CounterMetricFamily("lvc_fallback_takeovers", "How often it took over.", labels=labels)
        for fallback in self._fallbacks:
            names = [fallback.stage, fallback.providers[1]]
            in_use.add_metric(names, fallback.in_use)
            took_over.add_metric(names, fallback.takeovers)
        yield in_use
        yield took_over
