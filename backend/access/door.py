"""Judges a request by what it presents: its origin, its token, and how often its address has come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from backend.access.addresses import UNKNOWN, Addresses
from backend.access.bounds import Crowd, Rate
from backend.access.call_servers import reachable
from backend.access.keys import EVERYBODY, Grant, Keys
from backend.access.origins import LOCALHOST, Names, Origins, host_of, host_of_origin, is_loopback
from backend.access.presented import bearer, offered
from backend.access.settings import AccessSettings
from backend.protocol.events import is_sid

Objection = Literal["malformed", "origin", "unauthorized", "hurried", "crowded"]

_FINE_TRIES: Final = 30
_FORWARDING: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_ONLY_ONCE: Final = ("Host", "Origin", "Authorization", "Sec-Fetch-Site")
"""Headers by which a request is judged: one that comes twice may mean one thing here, and another to a proxy."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a request says of itself.

    Attributes:
        peer: the socket's address at the other end.
        lists: every header of a name, in order.
    """

    peer: str
    lists: Callable[[str], Sequence[str]]

    def header(self, name: str) -> str:
        """The header of this name, or nothing; one that comes twice is joined by a comma, and so is no good value."""
        return ", ".join(self.lists(name))

    @property
    def is_malformed(self) -> bool:
        """Whether a header comes several times that may come once."""
        return any(len(self.lists(name)) > 1 for name in _ONLY_ONCE)

    @property
    def token(self) -> str:
        """By `Authorization` or, as a browser has to, by subprotocol; never by the address's query."""
        return bearer(self.header("Authorization")) or offered(self.lists("Sec-WebSocket-Protocol"))

    @property
    def origin(self) -> str | None:
        """Where the page came from that a browser shows."""
        return self.header("Origin") if self.lists("Origin") else None

    @property
    def crosses_sites(self) -> bool:
        """Whether a browser says that another site's page asks, be it only for a picture."""
        return self.header("Sec-Fetch-Site").lower() == "cross-site"

    @property
    def host(self) -> str:
        """Under which name the server was spoken to."""
        return self.header("Host")


class Door:
    """One for all of a server's ports. Args: see `AccessSettings`."""

    def __init__(self, settings: AccessSettings | None = None) -> None:
        settings = settings or AccessSettings()
        self.keys = Keys(settings.access_token, settings.token_secrets, settings.admin_token, settings.token_max_s)
        self.crowd = Crowd(settings.calls_per_address)
        self._origins = Origins(settings.origins, settings.token_wanted)
        self._names = Names((*settings.origins, *settings.public))
        self._is_private = settings.is_private
        self._addresses = Addresses(settings.trusted_proxies)
        self._sid_header = settings.sid_header
        self._call_servers = settings.call_servers
        self._rate = Rate(settings.handshakes_per_s, settings.handshake_burst)
        self._misses = Rate(settings.handshakes_per_s, settings.handshake_burst)

    def address(self, visit: Visit) -> str:
        """By which a request is counted."""
        return self._addresses.client(visit.peer, visit.lists("X-Forwarded-For"))

    def proposed_sid(self, visit: Visit) -> str | None:
        """Which id a new conversation should have: the one by which a proxy chose this server among several."""
        sid = visit.header(self._sid_header) if self._sid_header else ""
        return sid if is_sid(sid) else None

    def is_hurried(self, visit: Visit) -> bool:
        """Whether this handshake is one too many of its address. It is counted with that, whatever becomes of it.

        How often is counted where callers are strangers: without a token nobody but this machine's users comes here.
        """
        counted = self.keys.wanted or self.keys.is_guess(visit.token)
        return counted and not self._rate.take(self.address(visit))

    def judge_call(
        self, visit: Visit, sid: str | None, has_place: Callable[[Grant], bool] = lambda _: False
    ) -> Grant | Objection:
        """Whether a handshake may become a call of this conversation.

        Args:
            has_place: whether it comes back to a call that is counted already.
        """
        if self.is_hurried(visit):
            return "hurried"
        if visit.is_malformed:
            return "malformed"
        if not self.admits_origin(visit):
            return "origin"
        grant = self.keys.grant(visit.token)
        if grant is None or not grant.opens(sid):
            return "unauthorized"
        return "crowded" if self.crowd.is_full(self.address(visit)) and not has_place(grant) else grant

    def fine(self, address: str) -> None:
        """Somebody there went too far: they wait before they come again. Only where callers are strangers."""
        if self.keys.wanted:
            self._rate.fine(address, _FINE_TRIES)

    def judge(self, visit: Visit) -> Grant | Objection:
        """What a request to the page's server may do. Only wrong tokens are counted there."""
        address = self.address(visit)
        if self._misses.spent(address):
            return "hurried"
        grant = self.keys.grant(visit.token)
        if grant is None or (grant == EVERYBODY and self.keys.is_guess(visit.token)):
            self._misses.take(address)
        return grant or "unauthorized"

    def call_servers(self, host: str, call_port: int) -> tuple[str, ...]:
        """See `reachable`."""
        return reachable(host, call_port, self._call_servers)

    def admits_origin(self, visit: Visit) -> bool:
        """Whether the page that asks, if it is one, may."""
        return self._origins.admit(visit.origin, visit.host)

    def admits_to_api(self, visit: Visit, *, shared: bool) -> bool:
        """Whether the page's own paths are for whoever asks, where no token could tell.

        Args:
            shared: the path is for whoever knows its secret name.
        """
        if self.keys.wanted:
            return True
        if not self._names.admit(visit.host):
            return False
        return shared or not visit.crosses_sites or (visit.origin is not None and self.admits_origin(visit))

    def may_administer(self, visit: Visit) -> bool:
        """Whether the operator asks: with an admin's token, or from this machine and by its own name.

        Being here is enough only where nothing that is set says that others come: a proxy on this machine may say
        nothing of itself. A page of another origin is not the operator's, though it may call.
        """
        judged = self.judge(visit) if visit.token else None
        if isinstance(judged, Grant) and judged.admin:
            return self.admits_origin(visit)
        return self._is_private and _is_here(visit)


def _is_here(visit: Visit) -> bool:
    forwarded = any(map(visit.lists, _FORWARDING))
    page = LOCALHOST if visit.origin is None else host_of_origin(visit.origin)
    return not forwarded and all(map(is_loopback, (visit.peer, host_of(visit.host), page)))


def peer_of(address: object) -> str:
    """The host of a socket's address."""
    return str(address[0]) if isinstance(address, tuple) and address else UNKNOWN


def plain(headers: Mapping[str, str], peer: str = "127.0.0.1") -> Visit:
    """A visit with these headers."""
    return Visit(peer, lambda name: [headers[name]] if name in headers else [])
