"""Whatever somebody sends to the page's port: it is answered, and no traceback is written for it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.cast import Cast
from backend.connections.page_port import serve_page
from backend.persona.shelf import Shelf
from backend.settings import load
from backend.store.memory import MemoryStore
from backend.voice_desk import VoiceDesk
from tests.support.fakes import FakeSynthesizer
from tests.voices.house import page_of


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    chosen = load({"TTS_PROVIDER": "emulator", "ASR_PROVIDER": "emulator", "LLM_PROVIDER": "emulator"})
    chosen = replace(chosen, web_address=replace(chosen.web_address, port=0))
    shelf, store = Shelf(), MemoryStore(20)
    desk = VoiceDesk(chosen, store.voices)
    page = page_of(Cast(shelf, shelf.open("qiao_qingqing").id, "emulator", ""), store, desk, FakeSynthesizer())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(desk.aclose)
        yield await serve_page(stack, chosen, page)


async def answered(port: int, request: bytes) -> int:
    """The status; 0 where the connection was closed instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1]) if line else 0


def request(target: str, *headers: tuple[str, str], method: str = "GET") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode("latin-1")


HOST = ("Host", "localhost")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("/api/personas", HOST, ("Origin", "http://localhost"), ("Origin", "https://evil.example")), 400),
        (request("/api/personas", HOST, ("Authorization", "Bearer a"), ("Authorization", "Bearer b")), 400),
        (request("/", HOST, ("Host", "evil.example")), 400),
        (request("/", HOST, ("Expect", "tea\xff")), 417),
        (request("/nothing", HOST, ("Expect", "tea\xff"), method="PUT"), 417),
        (request("/\xff", HOST), 400),
        (b"no HTTP\r\n\r\n", 400),
    ],
)
async def test_a_bad_request_is_refused_without_a_traceback(
    asked: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as port:
        assert await answered(port, asked) == status

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_request_that_is_no_http_leaves_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as port:
        await answered(port, request("/\xff", HOST))

    assert [record.getMessage() for record in caplog.records if record.name.startswith("backend")] == ["page.malformed"]


PIECES = [*"/?&=#[]@:;%\\.", "//", "..", "%ff", "%00", "%2e%2e", "%ed%a0%80", "\xff", "a", "9" * 400]
ODD = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
PATHS = [
    *("/{}", "//{}", "/assets/{}", "/healthz?{}", "/api/config", "/api/admission", "/api/personas/{}/avatar.svg"),
    *(
        "/api/personas/{}/voices",
        "/api/personas/qiao_qingqing/voices/{}/sample",
        "/api/voices?{}={}",
    ),
    *(
        "/api/voices?page={}",
        "/api/voices/emulator.{}",
        "/api/voices/samples/{}",
        "/api/voices/clones",
        "/api/conversations/{}",
    ),
    *("/api/costs?to={}", "/api/costs?to=0001-01-01", "/api/costs?from=9999-12-31&to=9999-12-31", "/metrics"),
    "/api/conversations/{}",
]
NAMES = [
    *("Host", "Origin", "Authorization", "Sec-Fetch-Site", "Sec-WebSocket-Protocol", "X-Forwarded-For", "Forwarded"),
    *("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Expect", "Cookie", "Upgrade"),
]
VALUES = [
    *(
        "",
        ",",
        '"',
        "localhost",
        "http://[",
        "[::1",
        "\xff\xfe",
        "\xe9",
        "Bearer \xff",
        "token.\xff",
        "token.",
        "W/",
        "*",
    ),
    *(
        "bytes=-0",
        "bytes=5-2",
        "bytes=" + "9" * 400 + "-",
        "Mon, 99 Foo 99999 99:99:99 GMT",
        "100-continue",
        "websocket",
    ),
]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3)


def test_any_request_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    with asyncio.Runner() as runner:
        opened = serving()
        port = runner.run(opened.__aenter__())

        @settings(max_examples=100, deadline=None)
        @given(st.sampled_from(PATHS), ODD, HEADERS, st.sampled_from(["GET"] * 4 + ["DELETE", "HEAD", "OPTIONS"]))
        def ask(path: str, odd: str, headers: list[tuple[str, str]], method: str) -> None:
            asked = request(path.replace("{}", odd), HOST, *headers, method=method)
            assert runner.run(answered(port, asked)) not in {0, 500}

        ask()
        runner.run(opened.__aexit__(None, None, None))

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
