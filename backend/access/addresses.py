"""Whose connection it is: the peer's address or, behind proxies that are trusted, the one that they name."""

import ipaddress
from collections.abc import Sequence
from typing import Final

UNKNOWN: Final = "unknown"
_HOME_BITS: Final = 64
"""An IPv6 customer has at least so large a network: its addresses count as one."""


class Addresses:
    """Args: see `AccessSettings.trusted_proxies`."""

    def __init__(self, trusted_proxies: Sequence[str] = ()) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted_proxies]

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address that bounds count by.

        Args:
            peer: of the socket.
            forwarded: every `X-Forwarded-For` header, in order. Read from its end, for only what trusted proxies have
                added to it is true.
        """
        if not self._trusts(peer):
            return _bounded(peer)
        hops = [hop.strip() for header in forwarded for hop in header.split(",") if hop.strip()]
        for hop in reversed(hops):
            if not self._trusts(hop):
                return _bounded(hop)
        return _bounded(hops[0] if hops else peer)

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def _bounded(address: str) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return UNKNOWN
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, _HOME_BITS), strict=False))
    return str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
