"""Which pages may call: a browser says where the page came from, and a stranger's must not reach this machine."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

ANY: Final = "*"
LOCALHOST: Final = "localhost"
_PLACE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//([^\s/@\[\]:?#]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
"""A scheme, a host, a port, and nothing else: what is odd is nobody's."""


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine for itself alone."""
    name = host.strip("[]").lower()
    if name == LOCALHOST or name.endswith("." + LOCALHOST):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_of(netloc: str) -> str:
    """The host of a `Host` header, in lower case, without its port."""
    return _hostname(f"//{netloc}")


def host_of_origin(origin: str) -> str:
    """The host of an `Origin` header, in lower case; empty where it has none."""
    return _hostname(origin)


@dataclass(frozen=True, slots=True)
class Origins:
    """The rule. Attributes: see `AccessSettings`."""

    allowed: Sequence[str] = ()
    token_wanted: bool = False

    def admit(self, origin: str | None, host: str) -> bool:
        """Whether a page of this origin may speak to the server under this host.

        Args:
            origin: the header; None where there is none, as with every client that is no browser.
            host: the header of that name.
        """
        if origin is None or ANY in self.allowed or origin.lower() in self.allowed:
            return True
        page, server = _hostname(origin), host_of(host)
        if not page or page != server:
            return is_loopback(page) and is_loopback(server)
        # a stranger's name may have been made to point here (DNS rebinding): it is no proof where no token is wanted
        return self.token_wanted or is_loopback(server) or _is_address(server)


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names a server may be asked that wants no token: a stranger's may have been made to point here.

    Attributes:
        urls: whose hosts are its own.
    """

    urls: Sequence[str] = ()

    def admit(self, host: str) -> bool:
        """Whether it is one. Args: `host`, the header of that name."""
        name = host_of(host)
        return is_loopback(name) or _is_address(name) or (bool(name) and name in map(_host_of_url, self.urls))


def _host_of_url(url: str) -> str:
    try:
        return urlsplit(url.lower()).hostname or ""
    except ValueError:
        return ""


def _hostname(url: str) -> str:
    found = _PLACE.fullmatch(url.lower())
    return found[1].strip("[]") if found else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
