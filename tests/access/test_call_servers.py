"""Which call servers the settings let the page call."""

import pytest

from backend.access.call_servers import read_call_servers
from backend.access.settings import read_access
from backend.config.env import Env
from backend.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "sources"),
    [
        ({}, ()),
        ({"PUBLIC_URL": "https://Call.example.com/x"}, ("ws://call.example.com:*", "wss://call.example.com:*")),
        ({"PUBLIC_URL": "http://localhost:8080"}, ()),
        ({"CALL_URL": "wss://voice.example:8443/api/live_voice_call/chat"}, ("wss://voice.example:8443",)),
        ({"CALL_URL": "wss://voice.example:443/chat"}, ("wss://voice.example",)),
        ({"ALLOWED_CALL_SERVERS": "wss://a.example:443,ws://b.example:80/"}, ("wss://a.example", "ws://b.example")),
        ({"ALLOWED_CALL_SERVERS": "wss://a.example:80,wss://b.c:8443"}, ("wss://a.example:80", "wss://b.c:8443")),
        ({"CALL_URL": "/api/live_voice_call/chat"}, ()),
        ({"ALLOWED_CALL_SERVERS": "wss://a.example/, WS://10.0.0.5:8888"}, ("wss://a.example", "ws://10.0.0.5:8888")),
    ],
)
def test_they_are_those_of_the_servers_own_addresses_and_of_a_list(
    values: dict[str, str], sources: tuple[str, ...]
) -> None:
    assert read_call_servers(Env(values)) == sources
    assert read_access(Env(values)).call_servers == sources


@pytest.mark.parametrize("odd", ["https://a.example", "wss://a.example/chat", "wss://*", "ws:", "wss://a b; x"])
def test_what_is_no_address_of_one_stops_the_start(odd: str) -> None:
    with pytest.raises(ConfigError, match="ALLOWED_CALL_SERVERS"):
        read_call_servers(Env({"ALLOWED_CALL_SERVERS": odd}))
