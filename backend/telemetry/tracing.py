"""OpenTelemetry spans: one for each call, and in it one for each turn, with the turn's marks as events.

Imported only where an exporter is configured: the library belongs to the extra `telemetry`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from backend.expenses import Charge
from backend.marks import TurnMarks
from backend.telemetry.observer import Refusal, TurnReport

log = logging.getLogger(__name__)

_EXPORT_S: Final = 5.0
_FLUSH_S: Final = 2.0


def otlp(url: str, headers: str) -> SpanProcessor:
    """Sends spans to a collector, in batches, from a thread of its own.

    Args:
        url: the collector's, without `/v1/traces`.
        headers: `name=value,name=value`.
    """
    pairs = (pair.partition("=") for pair in headers.split(",") if pair.strip())
    named = {name.strip(): value.strip() for name, _, value in pairs}
    return BatchSpanProcessor(
        OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", headers=named, timeout=_EXPORT_S)
    )


class Tracing:
    """An observer that makes spans."""

    def __init__(self, processor: SpanProcessor, service_name: str, version: str) -> None:
        resource = Resource.create({"service.name": service_name, "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("live-voice-call", version)
        self._calls: dict[Hashable, Span] = {}

    def call_began(self, call: Hashable, sid: str) -> None:
        """See `Observer`."""
        span = self._calls[call] = self._tracer.start_span("call", kind=SpanKind.SERVER)
        log.info("call.traced", extra={"session": sid, "trace": f"{span.get_span_context().trace_id:032x}"})

    def call_refused(self, reason: Refusal) -> None:
        """See `Observer`."""
        span = self._tracer.start_span("call", kind=SpanKind.SERVER, attributes={"lvc.refused": reason})
        span.end()

    def turn_done(self, call: Hashable, report: TurnReport) -> None:
        """See `Observer`."""
        marks, to_wall_ns = report.marks, _to_wall_ns(report.marks)
        parent = self._calls.get(call)
        span = self._tracer.start_span(
            "turn",
            None if parent is None else set_span_in_context(parent),
            attributes={
                "lvc.turn": report.turn,
                "lvc.outcome": marks.outcome,
                **{f"lvc.{mark}_ms": ms for mark, ms in marks.in_ms().items()},
                **{f"lvc.usage.{unit}": amount for unit, amount in marks.usage.items()},
                **{f"lvc.{name}": str(cost) for name, cost in marks.cost.items()},
            },
            start_time=round(1e9 * marks.speech_end) + to_wall_ns,
        )
        for mark, at in sorted(marks.at.items(), key=lambda item: item[1]):
            span.add_event(mark, timestamp=round(1e9 * at) + to_wall_ns)
        if marks.failure:
            span.set_status(Status(StatusCode.ERROR, marks.failure))
        span.end(round(1e9 * marks.at["done"]) + to_wall_ns)

    def charged(self, charges: Sequence[Charge]) -> None:
        """See `Observer`: a turn's cost is an attribute of its span."""

    def call_ended(self, call: Hashable) -> None:
        """See `Observer`."""
        if (span := self._calls.pop(call, None)) is not None:
            span.end()

    async def aclose(self) -> None:
        """Send what waits, but let nobody wait long for a collector that does not answer."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waited so long, and the loop is closed
                loop.call_soon_threadsafe(closed.set)

        # a daemon: the loop's own threads are waited for at the end, however long they take
        threading.Thread(target=close, name="lvc-traces", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await closed.wait()


def _to_wall_ns(marks: TurnMarks) -> int:
    """What to add to a moment on the turn's clock to make it one of the calendar's."""
    return time.time_ns() - round(1e9 * marks.clock())
