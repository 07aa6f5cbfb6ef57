"""Why a server cannot listen, each cause with its own remedy."""

import errno
import os
import socket

import pytest

from backend.errors import ConfigError
from backend.process.listening import cannot_listen, refuse_shared, refuse_taken
from backend.settings import Address, load
from tests.test_handler import free_port


def refusal(host: str, port: int) -> str:
    with pytest.raises(ConfigError) as told:
        refuse_taken(Address(host, port), "CALL_PORT")
    return str(told.value)


def test_a_free_port_of_this_machine_is_fine() -> None:
    refuse_taken(Address("127.0.0.1", free_port()), "CALL_PORT")


def test_a_port_that_is_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = refusal("127.0.0.1", other.getsockname()[1])

    assert said.endswith("(Address already in use): end the program that uses the port, or set CALL_PORT to a free one")


@pytest.mark.parametrize(
    ("ports", "names"),
    [
        ({"CALL_PORT": "9000", "WEB_PORT": "9000"}, "CALL_PORT and WEB_PORT are all 9000"),
        ({"WEB_PORT": "8899"}, "WEB_PORT and EMULATOR_PORT are all 8899"),
    ],
)
def test_a_port_that_two_shall_have_is_named_with_both(ports: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        refuse_shared(load(ports))


def test_ports_of_their_own_or_any_that_are_free_are_fine() -> None:
    refuse_shared(load({}))
    refuse_shared(load({"CALL_PORT": "0", "WEB_PORT": "0", "EMULATOR_PORT": "0"}))


def test_an_address_of_another_machine_is_told_from_a_taken_port() -> None:
    assert refusal("192.0.2.1", 8888) == (
        "cannot listen on 192.0.2.1:8888 (not an address of this machine): "
        "set CALL_HOST to one that is, such as 127.0.0.1"
    )


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a..b"])
def test_a_name_that_nobody_knows_is_told_from_a_taken_port(host: str) -> None:
    assert refusal(host, 8888) == (
        f"cannot listen on {host}:8888 (nobody knows this name): "
        "set CALL_HOST to an address of this machine, such as 127.0.0.1, or to its name"
    )


@pytest.mark.parametrize(
    ("number", "port", "remedy"),
    [
        (errno.EACCES, 80, "ports below 1024 need a privilege: set WEB_PORT to a higher one"),
        (errno.EACCES, 8080, "set WEB_HOST and WEB_PORT to where this program may listen"),
        (errno.EAFNOSUPPORT, 8080, "set WEB_HOST to an address of IPv4, such as 127.0.0.1"),
    ],
)
def test_what_the_system_forbids_has_its_remedy(number: int, port: int, remedy: str) -> None:
    error = OSError(number, os.strerror(number))

    assert str(cannot_listen(Address("::1", port), "WEB_PORT", error)).endswith(f": {remedy}")
