"""From settings to observers: who is told how calls go. What is off is not imported."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.settings import TelemetrySettings
from backend.telemetry.observer import Observer, Observers
from backend.version import VERSION

if TYPE_CHECKING:
    from backend.telemetry.prometheus import Metrics
    from backend.telemetry.tracing import Tracing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a server tells of itself; None is off."""

    metrics: "Metrics | None"
    tracing: "Tracing | None"

    @property
    def observer(self) -> Observer:
        """All of it as one."""
        return Observers([observer for observer in (self.metrics, self.tracing) if observer is not None])

    async def aclose(self) -> None:
        """Send what has not been sent."""
        if self.tracing is not None:
            await self.tracing.aclose()


def telemetry(settings: TelemetrySettings, providers: Mapping[str, str]) -> Telemetry:
    """What the settings ask for.

    Args:
        providers: which service hears, thinks and speaks: `asr`, `llm`, `tts` → its name.
    """
    return Telemetry(_metrics(providers) if settings.metrics else None, _tracing(settings))


def _metrics(providers: Mapping[str, str]) -> "Metrics":
    from backend.telemetry.prometheus import Metrics  # noqa: PLC0415 - a server without metrics pays nothing for them

    return Metrics(providers, VERSION)


def _tracing(settings: TelemetrySettings) -> "Tracing | None":
    if not settings.otlp_url:
        return None
    try:
        from backend.telemetry.tracing import Tracing, otlp  # noqa: PLC0415 - an extra
    except ImportError as exc:
        log.warning("traces.not_installed", extra={"extra": "telemetry", "missing": exc.name})
        return None
    return Tracing(otlp(settings.otlp_url, settings.otlp_headers), settings.service_name, VERSION)
