"""Who takes one of the server's places, and who does not: what is no call, and what becomes none."""

import asyncio
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from backend.connections.reception import Reception
from tests.support.caller import dialled, names
from tests.support.switchboard import Switchboard, answering
from tests.telemetry.observed import Notebook

UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


async def asked(url: str, headers: str = "", path: str = "/") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_a_browser_or_a_balancer_at_the_call_port_is_told_where_the_page_is_and_takes_no_place() -> None:
    notebook = Notebook()
    board = Switchboard(max_calls=1, page="http://localhost:8080", observer=notebook)
    async with answering(board):
        answers = [await asked(board.url, path=path) for path in ("/", "/api/live_voice_call/chat") * 5]
        async with dialled(board.url) as caller:
            assert caller.sid

    assert {answer.splitlines()[0] for answer in answers} == {"HTTP/1.1 426 Upgrade Required"}
    assert answers[0].endswith("\r\n\r\nCalls are taken here, by WebSocket. The page is at http://localhost:8080\n")
    assert notebook.refused == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (UPGRADE, "400"),
        (UPGRADE + "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n", "400"),
        (UPGRADE + KEY + "Sec-WebSocket-Version: 8\r\n", "400"),
        ("Upgrade: websocket\r\n" + KEY + "Sec-WebSocket-Version: 13\r\n", "426"),
    ],
)
async def test_a_handshake_that_fails_gives_its_place_back(headers: str, status: str) -> None:
    async with answering(Switchboard(max_calls=1)) as board:
        for _ in range(3):
            assert (await asked(board.url, headers)).split(" ")[1] == status
        async with dialled(board.url) as caller:
            assert caller.sid


async def test_a_client_that_vanishes_after_its_request_gives_its_place_back() -> None:
    async with answering(Switchboard(max_calls=1)) as board:
        assert board.reception is not None
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(board.url).port)
            writer.write(f"GET / HTTP/1.1\r\nHost: a\r\n{UPGRADE}{KEY}Sec-WebSocket-Version: 13\r\n\r\n".encode())
            await writer.drain()
            writer.transport.abort()
        async with asyncio.timeout(10):
            await board.reception.all_ended()
        async with dialled(board.url) as caller:
            assert caller.sid


async def test_a_client_that_was_let_in_as_the_server_began_to_drain_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its call has not begun when the drain asks those who are there."""
    notebook, draining = Notebook(), []
    admit = Reception.admit

    async def drained(reception: Reception) -> int:
        await reception.drain(10)
        return notebook.ended

    def admit_last(self: Reception, connection: ServerConnection, request: Request) -> Response | None:
        response = admit(self, connection, request)
        draining.append(asyncio.create_task(drained(self)))
        return response

    monkeypatch.setattr(Reception, "admit", admit_last)
    async with answering(Switchboard(observer=notebook)) as board, dialled(board.url) as caller:
        frames = await caller.until("BotError")
        assert await caller.closed() == (1012, "ShuttingDown")

    assert names(frames)[-1] == "BotError"
    assert await draining[0] == 1, "the drain waited for it"
