"""What the services were asked, and when they answered; bounded, for tests and benchmarks to read."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from emulator.door import Door, Socket, Visit
from emulator.script import Fault, Service

SERVICES: Final[tuple[Service, ...]] = ("asr", "tts", "chat", "inference", "customization")
_REQUESTS_KEPT: Final = 64
_SOCKETS_KEPT: Final = 512
_STAMPS_KEPT: Final = 50_000
_STRIKES_KEPT: Final = 512

Moment = Literal["handshake", "definite", "first_token", "first_audio"]


@dataclass(slots=True)
class ServiceStats:
    """Of one service.

    Attributes:
        handshakes: connections asked for, on which other sessions may follow.
        refused: sessions or connections that were answered with an HTTP error.
        open: connections that are up now; of a service of requests and answers, the requests under way.
        requests: the last sessions, oldest first: who asked for what, and what came of it.
        errors: codes that were answered after the handshake.
    """

    handshakes: int = 0
    refused: int = 0
    open: int = 0
    sessions: int = 0
    sockets: deque[Socket] = field(default_factory=lambda: deque(maxlen=_SOCKETS_KEPT))
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))
    errors: deque[int | str] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))

    def request_on(self, visit: Visit) -> Socket:
        """Count a request that is under way, and its connection, if it is the first; pair it with `open -= 1`."""
        self.open += 1
        if visit.socket is None:
            visit.socket = Socket()
            self.handshakes += 1
            self.sockets.append(visit.socket)
        return visit.socket

    def accept(self) -> Socket:
        """Count a connection that is up, its handshake being counted; pair it with `open -= 1`."""
        socket = Socket()
        self.sockets.append(socket)
        self.open += 1
        return socket

    def begin(self, socket: Socket, request: dict[str, Any]) -> dict[str, Any]:
        """Count a session; the entry may be added to while it runs."""
        socket.sessions += 1
        self.sessions += 1
        self.requests.append(request)
        return request

    def reset(self) -> None:
        """Forget everything but how many connections are open."""
        self.handshakes = self.refused = self.sessions = 0
        self.sockets.clear()
        self.requests.clear()
        self.errors.clear()

    def as_json(self) -> dict[str, Any]:
        """As the admin path shows it."""
        return {
            "handshakes": self.handshakes,
            "refused": self.refused,
            "open": self.open,
            "sessions": self.sessions,
            "sessions_per_socket": [socket.sessions for socket in self.sockets],
            "requests": list(self.requests),
            "errors": list(self.errors),
        }


class Stats:
    """Of the whole emulator."""

    def __init__(self) -> None:
        self.services: dict[Service, ServiceStats] = {name: ServiceStats() for name in SERVICES}
        self.door = Door()
        self.strikes: deque[Fault] = deque(maxlen=_STRIKES_KEPT)
        self._stamps: deque[dict[str, Any]] = deque(maxlen=_STAMPS_KEPT)

    def stamp(self, moment: Moment, ident: str, text: str) -> None:
        """Note that this moment is now, on the machine's monotonic clock, which other processes share."""
        self._stamps.append({"what": moment, "ns": time.monotonic_ns(), "id": ident, "text": text})

    def struck(self, fault: Fault) -> None:
        """Note that a fault has done what it does: one that is due may never come to it."""
        self.strikes.append(fault)

    def reset(self) -> None:
        """Forget everything but which connections are open."""
        for service in self.services.values():
            service.reset()
        self._stamps.clear()
        self.strikes.clear()
        self.door.reset()

    def as_json(self) -> dict[str, Any]:
        """As the admin path shows it."""
        services: dict[str, Any] = {name: service.as_json() for name, service in self.services.items()}
        strikes = [fault.model_dump(mode="json") for fault in self.strikes]
        return {**services, "stamps": list(self._stamps), "strikes": strikes, "connections": self.door.as_json()}
