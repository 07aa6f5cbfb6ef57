"""Whether this server should be sent further calls: what `/readyz` says, from probes that no call waits for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from backend.telemetry.readings import Readings

log = logging.getLogger(__name__)

EVERY_S: Final = 10.0
PATIENCE_S: Final = 3.0
_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_PROXIES: Final = {"ws": "http", "wss": "https"}

Probe = Callable[[str, int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is empty for a server that is ready; else `starting`, `draining`, `full`, `lagging`, `loaded` or
    `providers`."""

    reason: str
    facts: Mapping[str, Any]


class Readiness:
    """Keeps an eye on the services behind the stages.

    Args:
        endpoints: where each stage's services are, as URLs; a stage is reachable when one of them is.
        readings: how the calls stand.
        database: in which state the store is, for people: it is no reason, as calls go on without it.
        probe: whether somebody listens at a host and a port.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Sequence[str]],
        readings: Callable[[], Readings],
        database: Callable[[], str],
        probe: "Probe | None" = None,
    ) -> None:
        self._places = {stage: [place_of(url) for url in urls] for stage, urls in endpoints.items()}
        self._readings = readings
        self._database = database
        self._probe = probe or listens
        self._reachable: dict[str, bool] | None = None

    async def watch(self, every_s: float = EVERY_S) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Probe every service once, all at the same time."""
        places = sorted({place for ours in self._places.values() for place in ours})
        found = dict(zip(places, await asyncio.gather(*(self._probe(*place) for place in places)), strict=True))
        now = {stage: any(found[place] for place in ours) for stage, ours in self._places.items()}
        if now != self._reachable and not all(now.values()):
            log.warning("readiness.unreachable", extra={"stages": sorted(stage for stage in now if not now[stage])})
        self._reachable = now

    def verdict(self) -> Verdict:
        """As it stood at the last look; costs nothing."""
        readings, reachable = self._readings(), self._reachable
        reason = readings.refusing
        if not reason and reachable is None:
            reason = "starting"
        if not reason and not all((reachable or {}).values()):
            reason = "providers"
        facts = {"calls": readings.calls, "providers": reachable or {}, "database": self._database()}
        return Verdict(reason, facts)


async def listens(host: str, port: int) -> bool:
    """Whether a TCP connection can be had: nothing is sent, so nothing is paid for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await writer.wait_closed()
    return True


def place_of(url: str) -> tuple[str, int]:
    """Host and port that a connection for this URL goes to: the proxy's, where the environment names one for it."""
    parts = urlsplit(url)
    scheme, host = parts.scheme or "http", parts.hostname or ""
    proxy = getproxies().get(_PROXIES.get(scheme, scheme))
    if proxy and not _is_loopback(host) and not proxy_bypass(host):
        behind = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        return behind.hostname or host, behind.port or _PORTS.get(behind.scheme, 80)
    return host, parts.port or _PORTS.get(scheme, 80)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
