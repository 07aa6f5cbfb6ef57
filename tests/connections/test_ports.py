"""The two ports as they are opened: certificates, and connections to the page that ask for nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from backend.connections.call_port import take_calls
from backend.connections.certificate import tls, tls_handshake_s
from backend.connections.page_port import serve_page
from backend.errors import ConfigError
from backend.settings import load
from backend.web import Web
from tests.support.certificate import certificate
from tests.support.switchboard import Switchboard, answering
from tests.test_web import page_of


@asynccontextmanager
async def listening(dist: Path, **values: str) -> AsyncIterator[tuple[int, int]]:
    """The call port and the page's port of a server with these settings."""
    settings = load({"CALL_PORT": "1", "WEB_PORT": "1", **values})
    settings = replace(
        settings,
        call_address=replace(settings.call_address, port=0),
        web_address=replace(settings.web_address, port=0),
    )
    page: Web = page_of(dist)
    async with answering(Switchboard()) as board, AsyncExitStack() as stack:
        assert board.reception is not None
        yield await take_calls(stack, settings, board.reception), await serve_page(stack, settings, page)


async def test_with_a_certificate_both_ports_speak_tls_and_nothing_else(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(cert))
    (tmp_path / "index.html").write_text("page")
    async with listening(tmp_path, TLS_CERT=str(cert), TLS_KEY=str(key)) as (calls, web):
        async with connect(f"wss://localhost:{calls}/", ssl=trusting) as socket:
            assert b"BotReady" in await socket.recv(decode=False)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"https://localhost:{web}/", ssl=trusting) as response:
                assert await response.text() == "page"
                assert "max-age" in response.headers["Strict-Transport-Security"]
            with pytest.raises(aiohttp.ClientError):
                await http.get(f"http://localhost:{web}/")


async def test_the_versions_of_tls_that_are_broken_are_not_spoken(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = tls(load({"TLS_CERT": str(cert), "TLS_KEY": str(key)}).tls)
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_certificate_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other")
    for key, names in ((str(tmp_path / "gone.pem"), "TLS_KEY"), (str(other), "no certificate"), (str(cert), "PEM")):
        with pytest.raises(ConfigError, match=names):
            tls(load({"TLS_CERT": str(cert), "TLS_KEY": key}).tls)
    with pytest.raises(ConfigError, match="belong together"):
        load({"TLS_CERT": str(cert)})


async def test_a_tls_handshake_has_so_much_time(tmp_path: Path) -> None:
    """Short whatever is set, for it takes machines alone."""
    cert, key = certificate(tmp_path)
    assert tls_handshake_s(load({}).socket) == 3
    async with listening(tmp_path, TLS_CERT=str(cert), TLS_KEY=str(key), HANDSHAKE_TIMEOUT_S="0.2") as ports:
        for port in ports:
            reader, _ = await asyncio.open_connection("127.0.0.1", port)
            assert await ended(reader) == b""


async def test_few_messages_wait_before_a_call_takes_them(tmp_path: Path) -> None:
    sockets: list[ServerConnection] = []
    settings = load({"CALL_PORT": "1"})
    settings = replace(settings, call_address=replace(settings.call_address, port=0))
    async with answering(Switchboard()) as board, AsyncExitStack() as stack:
        assert board.reception is not None
        answer = board.reception.answer

        async def noted(socket: ServerConnection) -> None:
            sockets.append(socket)
            await answer(socket)

        board.reception.answer = noted  # type: ignore[method-assign]
        port = await take_calls(stack, settings, board.reception)
        async with connect(f"ws://localhost:{port}/") as client:
            await client.recv()
    assert [socket.recv_messages.high for socket in sockets] == [4]


async def ended(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


@pytest.mark.parametrize("says", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET"])
async def test_a_request_to_the_page_has_so_much_time(tmp_path: Path, says: bytes) -> None:
    async with listening(tmp_path, HANDSHAKE_TIMEOUT_S="0.2") as (_, web):
        reader, writer = await asyncio.open_connection("127.0.0.1", web)
        writer.write(says)
        assert b"200" not in await ended(reader)


async def test_connections_to_the_page_that_ask_for_nothing_keep_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("page")
    async with listening(tmp_path, MAX_PAGE_CONNECTIONS="8") as (_, web):
        silent = [await asyncio.open_connection("127.0.0.1", web) for _ in range(40)]
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{web}/") as response:
            assert await response.text() == "page"
        assert [await ended(reader) for reader, _ in silent[:30]] == [b""] * 30


async def test_a_request_has_so_many_headers(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, web):
        reader, writer = await asyncio.open_connection("127.0.0.1", web)
        many = b"".join(b"X-%d: a\r\n" % number for number in range(100))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n")
        assert (await ended(reader)).split(b" ")[1] == b"400"
