"""Which pages may call."""

import pytest

from backend.access.origins import Origins, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST", "app.localhost"])
def test_this_machine_for_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com", "", "127.1.evil"]
)
def test_everything_else_is_elsewhere(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "call.example.com"),
        ("http://localhost:8080", "localhost:8888"),
        ("http://127.0.0.1:8080", "localhost:8888"),
        ("http://[::1]:8080", "[::1]:8888"),
        ("http://192.168.1.5:8080", "192.168.1.5:8888"),
    ],
)
def test_the_servers_own_page_and_clients_that_are_no_page_may_call(origin: str | None, host: str) -> None:
    assert Origins().admit(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "localhost:8888"),
        ("http://evil.example:8888", "evil.example:8888"),  # a name that was made to point here
        ("http://localhost.evil.example", "localhost:8888"),
        ("http://192.168.1.6:8080", "192.168.1.5:8888"),
        ("null", "localhost:8888"),
        ("", "localhost:8888"),
        ("file://", "localhost:8888"),
        ("http://[::1", "localhost:8888"),
        ("http://[::1].evil.example", "localhost:8888"),
        ("http://localhost@evil.example", "localhost:8888"),
        ("http://evil.example@localhost", "localhost:8888"),
        ("http://localhost:8080/path", "localhost:8888"),
    ],
)
def test_pages_of_others_may_not(origin: str, host: str) -> None:
    assert not Origins().admit(origin, host)


def test_where_a_token_is_wanted_the_page_under_the_servers_own_name_may_ask_for_it() -> None:
    assert Origins(token_wanted=True).admit("https://call.example.com", "call.example.com")
    assert not Origins(token_wanted=True).admit("https://evil.example", "call.example.com")


def test_pages_on_the_list_may_call_and_others_on_the_same_host_may_not() -> None:
    origins = Origins(("https://app.example.com",))

    assert origins.admit("https://app.example.com", "call.example.com")
    assert origins.admit("https://App.Example.com", "call.example.com")
    assert not origins.admit("http://app.example.com", "call.example.com")
    assert not origins.admit("https://app.example.com:444", "call.example.com")
    assert Origins(("*",)).admit("https://anything.example", "call.example.com")
