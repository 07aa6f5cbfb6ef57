"""Where the page may open a call: at its own host, and where settings say; as its content security policy has them."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from backend.access.origins import host_of, is_loopback
from backend.config.env import Env
from backend.errors import ConfigError

_SOURCE: Final = re.compile(r"wss?://[a-z0-9.-]+(:([0-9]{1,5}|\*))?")
_NAME: Final = re.compile(r"[a-z0-9.-]+")
_USUAL_PORTS: Final = {"ws": ":80", "wss": ":443"}
_THIS_MACHINE: Final = ("localhost", "127.0.0.1")


def read_call_servers(env: Env) -> tuple[str, ...]:
    """Those that settings name: `PUBLIC_URL`'s host, `CALL_URL` and `ALLOWED_CALL_SERVERS`.

    Raises:
        ConfigError: one of the last is none; the message names the setting.
    """
    public, call_url = _host(env.text("PUBLIC_URL")), urlsplit(env.text("CALL_URL"))
    named = tuple(_source(word) for word in env.words("ALLOWED_CALL_SERVERS"))
    called = _plain(f"{call_url.scheme}://{call_url.netloc}".lower())
    return (*_any_port(public), *((called,) if _SOURCE.fullmatch(called) else ()), *named)


def reachable(host: str, call_port: int, named: Sequence[str]) -> tuple[str, ...]:
    """Where the page that was asked for under this name may call, besides its own origin.

    Its own host, at any port: the call port is another than the page's, and who may listen on this machine's ports may
    be trusted with its calls. A policy cannot name an IPv6 address: there it is the call port of any host.

    Args:
        host: the header of that name.
    """
    name = host_of(host)
    if _is_ipv6(name):
        return (f"ws://*:{call_port}", f"wss://*:{call_port}", *named)
    names = _THIS_MACHINE if name in _THIS_MACHINE else (name,) if _NAME.fullmatch(name) else ()
    own = (source for each in names for source in _any_port(each))
    return tuple(dict.fromkeys((*own, *named)))


def _any_port(host: str) -> tuple[str, ...]:
    return (f"ws://{host}:*", f"wss://{host}:*") if host else ()


def _host(url: str) -> str:
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
    return "" if is_loopback(host) or not _NAME.fullmatch(host) else host


def _source(word: str) -> str:
    source = _plain(word.lower().rstrip("/"))
    if not _SOURCE.fullmatch(source):
        raise ConfigError(f"ALLOWED_CALL_SERVERS has addresses such as wss://call.example.com:8888, not {word!r}")
    return source


def _plain(source: str) -> str:
    """Without the port that goes without saying: browsers leave it out of an address."""
    scheme = source.partition(":")[0]
    return source.removesuffix(_USUAL_PORTS.get(scheme, " "))


def _is_ipv6(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).version == 6
    except ValueError:
        return False
