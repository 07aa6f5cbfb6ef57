"""Whether a server could listen at an address, and what to tell its operator where it could not."""

import errno
import os
import socket
from typing import Final

from backend.errors import ConfigError
from backend.settings import Address, Settings

_PRIVILEGED: Final = 1024


def refuse_taken(address: Address, setting: str) -> None:
    """Make sure that a port is free, and the address this machine's own.

    Raises:
        ConfigError: it is not; the message says why and what to do.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except (OSError, UnicodeError) as exc:
        raise cannot_listen(address, setting, exc) from exc


def refuse_shared(settings: Settings) -> None:
    """Make sure that each of the server's ports is its own.

    Raises:
        ConfigError: two are to be the same.
    """
    for port, names in shared_ports(settings).items():
        raise ConfigError(f"{' and '.join(names)} are all {port}: give each a port of its own")


def places(settings: Settings) -> dict[str, Address]:
    """Where the server's parts shall listen, by the setting that names the port."""
    there = {"CALL_PORT": settings.call_address, "WEB_PORT": settings.web_address}
    return there | ({"EMULATOR_PORT": settings.emulator.address} if settings.needs_emulator else {})


def shared_ports(settings: Settings) -> dict[int, list[str]]:
    """Ports that several settings name, each with those; any free one (0) is nobody's."""
    by_port: dict[int, list[str]] = {}
    for name, address in places(settings).items():
        by_port.setdefault(address.port, []).append(name)
    return {port: names for port, names in by_port.items() if port and len(names) > 1}


def cannot_listen(address: Address, setting: str, error: OSError | UnicodeError) -> ConfigError:
    """What to tell about a port that cannot be had.

    Args:
        setting: the one that names the port; the host's is named like it.
    """
    reason, remedy = _cause(address, setting, setting.replace("_PORT", "_HOST"), error)
    return ConfigError(f"cannot listen on {address.host}:{address.port} ({reason}): {remedy}")


def _cause(address: Address, port: str, host: str, error: OSError | UnicodeError) -> tuple[str, str]:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "nobody knows this name", f"set {host} to an address of this machine, such as 127.0.0.1, or to its name"
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EADDRINUSE:
        return reason, f"end the program that uses the port, or set {port} to a free one"
    if error.errno in {errno.EADDRNOTAVAIL, errno.EINVAL}:
        return "not an address of this machine", f"set {host} to one that is, such as 127.0.0.1"
    if error.errno == errno.EAFNOSUPPORT:
        return "this machine has no IPv6", f"set {host} to an address of IPv4, such as 127.0.0.1"
    if error.errno in {errno.EACCES, errno.EPERM} and address.port < _PRIVILEGED:
        return reason, f"ports below {_PRIVILEGED} need a privilege: set {port} to a higher one"
    return reason, f"set {host} and {port} to where this program may listen"
