"""A server that others can reach starts only with a lock on its door."""

import pytest

from backend.errors import ConfigError
from backend.process.exposure import refuse_open
from backend.settings import load

GOOD, SECRET = "a-token-of-24-characters", "a-secret-of-32-characters-or-more"


@pytest.mark.parametrize("name", ["CALL_HOST", "WEB_HOST"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "call.example.com"])
def test_without_a_token_it_does_not_start_elsewhere(name: str, host: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}=\S+ .*ACCESS_TOKEN or TOKEN_SECRET") as refused:
        refuse_open(load({name: host}))

    assert "127.0.0.1" in str(refused.value), "the remedy"
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("lock", [{"ACCESS_TOKEN": GOOD}, {"TOKEN_SECRET": SECRET}])
def test_with_one_it_does(lock: dict[str, str]) -> None:
    refuse_open(load({"CALL_HOST": "0.0.0.0", "WEB_HOST": "0.0.0.0", **lock}))


@pytest.mark.parametrize("name", ["ACCESS_TOKEN", "ADMIN_TOKEN"])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_token_that_can_be_guessed_is_none_wherever_it_listens(name: str, host: str) -> None:
    """On this machine, too: the network may come in through a proxy."""
    values = {"WEB_HOST": host, "TOKEN_SECRET": SECRET, name: "open-sesame"}
    with pytest.raises(ConfigError, match=name):
        refuse_open(load(values))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_it_needs_nothing(host: str) -> None:
    refuse_open(load({"CALL_HOST": host, "WEB_HOST": host}))


def test_the_emulator_is_for_this_machine_alone() -> None:
    with pytest.raises(ConfigError, match="EMULATOR_HOST"):
        refuse_open(load({"EMULATOR_HOST": "0.0.0.0", "ACCESS_TOKEN": GOOD}))
