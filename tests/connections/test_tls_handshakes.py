"""Sockets that never finish a TLS handshake: so many may wait, and they keep nobody out. On either event loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect

from backend.connections import certificate as settings_of_tls
from backend.process.loop import loop_factory
from tests.connections.test_ports import ended, listening
from tests.support.certificate import certificate

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": loop_factory()}
HOST = "127.0.0.1"
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

Run = Callable[[Coroutine[object, object, None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a test's coroutine on one loop; handshakes have all the time there is, and only their number is bounded."""
    if (factory := LOOPS[request.param]) is None:
        pytest.skip("uvloop is not installed")
    monkeypatch.setattr(settings_of_tls, "_HANDSHAKE_S", 15.0)

    def on_this_loop(test: Coroutine[object, object, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test)

    return on_this_loop


@asynccontextmanager
async def secure(folder: Path, **values: str) -> AsyncIterator[tuple[int, int, ssl.SSLContext]]:
    """Both ports of a server with a certificate, and who trusts that."""
    cert, key = certificate(folder)
    (folder / "index.html").write_text("page")
    values = {"TLS_CERT": str(cert), "TLS_KEY": str(key), "HANDSHAKE_TIMEOUT_S": "15", **values}
    async with listening(folder, **values) as (calls, web):
        yield calls, web, ssl.create_default_context(cafile=str(cert))


async def silent(port: int, count: int, host: str = HOST) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Sockets that say nothing, which is less than a ClientHello."""
    return [await asyncio.open_connection(HOST, port, local_addr=(host, 0)) for _ in range(count)]


async def is_answered(calls: int, web: int, trusting: ssl.SSLContext) -> None:
    async with connect(f"wss://localhost:{calls}/", ssl=trusting, proxy=None) as socket:
        assert b"BotReady" in await socket.recv(decode=False)
    async with aiohttp.ClientSession() as http, http.get(f"https://localhost:{web}/", ssl=trusting) as response:
        assert await response.text() == "page"


def test_half_open_handshakes_are_bounded_in_number_and_keep_nobody_out(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        bounds = {"MAX_WAITING_HANDSHAKES": "8", "MAX_PAGE_CONNECTIONS": "8"}
        async with secure(tmp_path, **bounds) as (calls, web, trusting):
            for port in (calls, web):
                sockets = await silent(port, 40)
                assert [await ended(reader) for reader, _ in sockets[:32]] == [b""] * 32
                assert not sockets[-1][0].at_eof()
            await is_answered(calls, web, trusting)

    run(test())


def test_who_floods_turns_out_their_own_and_nobody_of_another_address(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        bounds = {"MAX_WAITING_HANDSHAKES": "8", "MAX_PAGE_CONNECTIONS": "8"}
        async with secure(tmp_path, **bounds) as (calls, web, trusting):
            for port in (calls, web):
                [(reader, slow)] = await silent(port, 1, "127.0.0.2")
                flood = await silent(port, 20)
                assert [await ended(other) for other, _ in flood[:13]] == [b""] * 13
                await slow.start_tls(trusting, server_hostname="localhost")
                slow.write(REQUEST)
                assert (await reader.readline()).startswith(b"HTTP/1.1")
                slow.close()

    run(test())


def test_those_that_are_secure_and_say_nothing_wait_among_the_others(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        bounds = {"MAX_WAITING_HANDSHAKES": "8", "MAX_PAGE_CONNECTIONS": "8"}
        async with secure(tmp_path, **bounds) as (calls, web, trusting):
            for port in (calls, web):
                reader, _ = await asyncio.open_connection("localhost", port, ssl=trusting)
                later = [await silent(port, 1) for _ in range(20)]  # the server may take a while to call it secure
                assert await ended(reader) == b""
                assert not later[-1][0][0].at_eof()

    run(test())


async def whole_flight(port: int, trusting: ssl.SSLContext, says: bytes) -> bytes:
    """The end of the handshake and the first words in one piece; the first line of the answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    reader, writer = await asyncio.open_connection(HOST, port)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(65_536))
    tls.write(says)
    writer.write(outgoing.read())
    while True:
        try:
            return tls.read().split(b"\r\n")[0]
        except ssl.SSLWantReadError:
            incoming.write(await reader.read(65_536))


def test_first_words_that_come_with_the_end_of_the_handshake_are_heard(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with secure(tmp_path) as (calls, web, trusting), asyncio.timeout(10):
            assert await whole_flight(calls, trusting, REQUEST) == b"HTTP/1.1 101 Switching Protocols"
            assert await whole_flight(web, trusting, REQUEST) == b"HTTP/1.1 200 OK"

    run(test())


@pytest.mark.parametrize("says", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(1000)])
def test_what_is_no_tls_is_hung_up_on(run: Run, tmp_path: Path, says: bytes) -> None:
    async def test() -> None:
        async with secure(tmp_path) as (calls, web, trusting):
            for port in (calls, web):
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(says)
                assert b"HTTP" not in await ended(reader)
            await is_answered(calls, web, trusting)

    run(test())


def test_who_comes_and_goes_leaves_the_place(run: Run, tmp_path: Path) -> None:
    """Resets before and in the handshake: eight who come after them find the room empty."""

    async def test() -> None:
        bounds = {"MAX_WAITING_HANDSHAKES": "8", "MAX_PAGE_CONNECTIONS": "8"}
        async with secure(tmp_path, **bounds) as (calls, web, trusting):
            for port in (calls, web):
                for says in (b"", b"\x16\x03\x01\x02\x00"):
                    for _, writer in await silent(port, 8, "127.0.0.2"):
                        writer.write(says)
                        writer.transport.abort()
                waiting = await silent(port, 7)
                reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
                writer.write(REQUEST)
                assert (await reader.readline()).startswith(b"HTTP/1.1")
                assert not any(other.at_eof() for other, _ in waiting)

    run(test())


def test_a_server_that_stops_waits_for_no_handshake_and_leaves_no_task(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with asyncio.timeout(10):
            async with secure(tmp_path) as (calls, web, _):
                sockets = [*await silent(calls, 8), *await silent(web, 8)]
            assert [await ended(reader) for reader, _ in sockets] == [b""] * 16
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(test())
