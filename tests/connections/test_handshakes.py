"""Whatever somebody sends to the call port before there is a call: it is let in or refused, and nothing breaks."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from backend.access.door import Door
from backend.access.settings import AccessSettings
from backend.connections.reception import Reception
from backend.connections.target import parameters_of
from backend.protocol.events import CALL_PATH, CallConfig
from backend.session import SessionLimits
from tests.support.switchboard import Switchboard, answering
from tests.telemetry.observed import Notebook

GOOD = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
TWICE = [
    ("Origin: http://localhost\r\nOrigin: http://localhost\r\n", 400),
    ("Origin: http://localhost\r\nOrigin: https://evil.example\r\n", 400),
    ("Authorization: Bearer t\r\nAuthorization: Bearer t\r\n", 400),
    ("Host: localhost\r\n", 400),
    ("Authorization: Bearer t\r\n", 101),
]


def handshake(target: str, more: str = "") -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in GOOD.items())
    return f"GET {target} HTTP/1.1\r\n{headers}{more}\r\n".encode()


async def status_of(url: str, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(request)
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(("more", "status"), TWICE)
async def test_a_header_that_may_come_once_is_refused_when_it_comes_twice(more: str, status: int) -> None:
    notebook = Notebook()
    async with answering(Switchboard(access_token="t", observer=notebook)) as board:
        assert await status_of(board.url, handshake("/", more)) == status

    assert notebook.refused == (["malformed"] if status == 400 else [])


@pytest.mark.parametrize("target", ["//[", "//[x]/", "http://[/", "/other", "*", "//x" + CALL_PATH + "x"])
async def test_what_is_no_address_of_calls_is_not_found_and_logged_in_one_line(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering(Switchboard()) as board:
        assert await status_of(board.url, handshake(target)) == 404

    assert [record.exc_info for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("refused", [handshake("//["), handshake("/other"), handshake("/", "Host: localhost\r\n")])
async def test_every_refused_handshake_is_counted_for_its_address(refused: bytes) -> None:
    door = Door(AccessSettings(access_token="t", handshakes_per_s=0.001, handshake_burst=2))
    good = handshake("/", "Authorization: Bearer t\r\n")
    async with answering(Switchboard(door=door)) as board:
        assert {await status_of(board.url, refused) for _ in range(2)} & {400, 404}
        assert await status_of(board.url, refused) == 429
        assert await status_of(board.url, good) == 429


# --- anything at all

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
TARGETS = st.one_of(
    PRINTABLE,
    st.lists(st.sampled_from([*"/?&=#[]@:;%", "//", "sid", "resume", "events", "%ff", "%00", "1:2:x", "http:"])).map(
        "".join
    ),
    PRINTABLE.map(lambda query: f"/?{query}"),
)
NAMES = st.sampled_from(
    [*GOOD, "Origin", "Authorization", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "X-Forwarded-For", "Sid"]
)
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30),
    st.sampled_from(
        ["http://[", "Bearer ", "Bearer \xff", "token.", "lvc, token.\xe9", "lvc,,", "[::1", "::1%eth0", ",", '"', "é"]
    ),
    st.lists(st.sampled_from([*'[]:/@%,;="\\', "a", "1", "//", "lvc", "token."])).map("".join),
)
SETTINGS = [
    AccessSettings(),
    AccessSettings(access_token="t", token_secrets=("a-secret-of-32-characters-or-more",), sid_header="Sid"),
    AccessSettings(admin_token="operator", trusted_proxies=("127.0.0.0/8",), origins=("https://app.example",)),
]


class Connection:
    """As much of the library's as a handshake needs: what it answers, and who asks."""

    def __init__(self) -> None:
        self.protocol = ServerProtocol(select_subprotocol=cast(Any, Reception.choose_subprotocol))
        self.remote_address = ("127.0.0.1", 4711)
        self.connection_lost_waiter = SimpleNamespace(add_done_callback=lambda _: None)
        self.respond = self.protocol.reject

    def asked(self, request: bytes) -> Request | None:
        self.protocol.receive_data(request)
        return next((event for event in self.protocol.events_received() if isinstance(event, Request)), None)


@settings(max_examples=150, deadline=None)
@given(TARGETS, st.lists(st.tuples(NAMES, VALUES), max_size=4), st.booleans(), st.sampled_from(SETTINGS))
def test_any_handshake_is_let_in_or_refused_for_a_reason(
    target: str, headers: list[tuple[str, str]], anew: bool, access: AccessSettings
) -> None:
    reception = cast(Any, Reception)(
        *(SimpleNamespace(store=None, observer=Notebook()), SessionLimits(), CallConfig()),
        **{"door": Door(access), "max_calls": 5, "blocked_write_s": 5.0},
    )
    connection = Connection()
    kept = {name: value for name, value in GOOD.items() if not anew or name not in dict(headers)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*kept.items(), *headers))
    request = connection.asked(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
    if request is None:
        return  # the library does not take it for HTTP

    refused: Response | None = reception.admit(cast(ServerConnection, connection), request)
    response = refused or connection.protocol.accept(request)

    assert response.status_code in {101, 400, 401, 403, 404, 426, 429}


@settings(max_examples=30)
@given(st.dictionaries(PRINTABLE, PRINTABLE), st.sampled_from(["/", CALL_PATH]))
def test_what_the_query_of_a_calls_address_says_is_read(parameters: dict[str, str], path: str) -> None:
    assert parameters_of(f"{path}?{urlencode(parameters)}") == parameters
