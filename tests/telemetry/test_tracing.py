"""Spans, as an exporter gets them, and as a collector gets them over the wire."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from backend.marks import TurnMarks
from backend.settings import load
from backend.telemetry.observer import TurnReport
from backend.telemetry.setup import telemetry
from backend.telemetry.tracing import Tracing, otlp

PROVIDERS = {"asr": "emulator", "llm": "emulator", "tts": "emulator"}
MS = 1_000_000


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return Tracing(SimpleSpanProcessor(exporter), "bot", "1.2.3")


def report(**fields: str) -> TurnReport:
    """A turn whose caller fell silent a second ago."""
    speech_end = time.monotonic() - 1
    at = {"request_sent": speech_end + 0.3, "endpoint": speech_end + 0.5, "done": speech_end + 0.9}
    return TurnReport(7, TurnMarks(speech_end, at=at, usage={"prompt_tokens": 10}, **fields))  # type: ignore[arg-type]


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_turn_is_a_child_of_its_call(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.call_began("one", "sid-1")
    tracing.call_began("other", "sid-2")
    tracing.turn_done("one", report())
    tracing.call_ended("one")

    spans = by_name(exporter)
    assert spans["turn"].parent == spans["call"].context
    assert spans["call"].resource.attributes["service.name"] == "bot"


def test_a_turn_runs_from_the_end_of_speech_and_its_marks_are_events(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    tracing.turn_done("call", report())

    span = by_name(exporter)["turn"]
    assert span.start_time is not None
    assert span.end_time is not None
    assert [(event.name, round((event.timestamp - span.start_time) / MS)) for event in span.events] == [
        ("request_sent", 300),
        ("endpoint", 500),
        ("done", 900),
    ]
    assert round((span.end_time - span.start_time) / MS) == 900
    assert abs(time.time_ns() - 1000 * MS - span.start_time) < 500 * MS
    assert span.attributes is not None
    assert span.attributes["lvc.turn"] == 7
    assert span.attributes["lvc.endpoint_ms"] == 500
    assert span.attributes["lvc.usage.prompt_tokens"] == 10


def test_a_turn_that_failed_says_how(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.turn_done("call", report(failure="LLMTimeout"))

    status = by_name(exporter)["turn"].status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "LLMTimeout")


def test_no_span_says_whose_call_it_is(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.call_began("call", "whose-call")
    tracing.turn_done("call", report())
    tracing.call_ended("call")

    assert "whose-call" not in "".join(span.to_json() for span in exporter.get_finished_spans())


@asynccontextmanager
async def collecting(requests: list[web.Request], got: asyncio.Queue[ExportTraceServiceRequest]) -> AsyncIterator[str]:
    async def take(request: web.Request) -> web.Response:
        requests.append(request)
        got.put_nowait(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_collector_gets_what_there_is_when_the_server_stops() -> None:
    requests, got = list[web.Request](), asyncio.Queue[ExportTraceServiceRequest]()
    async with collecting(requests, got) as url, asyncio.timeout(20):
        values = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret, x-team = voice"}
        watchers = telemetry(load(values).telemetry, PROVIDERS)
        watchers.observer.call_began("call", "sid")
        watchers.observer.turn_done("call", report())
        watchers.observer.call_ended("call")
        await watchers.aclose()
        exported = got.get_nowait()

    spans = [span.name for scope in exported.resource_spans[0].scope_spans for span in scope.spans]
    assert spans == ["turn", "call"]
    assert (requests[0].headers["x-key"], requests[0].headers["x-team"]) == ("s3cret", "voice")


async def test_a_collector_that_does_not_answer_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.telemetry.tracing._FLUSH_S", 0.05)
    answer = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tracing = Tracing(otlp(f"http://127.0.0.1:{port}", ""), "bot", "1")
    tracing.call_began("call", "sid")
    tracing.call_ended("call")

    async with asyncio.timeout(2):
        await tracing.aclose()

    answer.set()
    server.close()


def test_what_is_off_is_not_imported() -> None:
    values = "{'METRICS': 'false'}"
    code = (
        "import sys; from backend.settings import load; from backend.telemetry.setup import telemetry; "
        f"import backend.handler; watchers = telemetry(load({values}).telemetry, {PROVIDERS}); "
        "assert watchers.metrics is watchers.tracing is None; "
        "sys.exit(any(name.split('.')[0] in ('prometheus_client', 'opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_the_server_runs_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "backend.telemetry.tracing", None)

    watchers = telemetry(load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}).telemetry, PROVIDERS)

    assert watchers.tracing is None
    assert [record.message for record in caplog.records] == ["traces.not_installed"]
