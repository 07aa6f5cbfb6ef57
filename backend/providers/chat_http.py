"""The HTTP client that the chat libraries are given."""

import importlib
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from backend.expenses import sending
from backend.marks import on_request_sent
from backend.providers.sockets import is_loopback

_SLACK_S: Final = 5.0
"""The adapters' own deadlines come first; the client's only guard against a mistake in them."""
_MAX_CONNECTIONS: Final = 1000


def http_client(module: str, base_url: str, *, answer_s: float, connect_s: float, keepalive_s: float) -> Any:
    """A client that keeps connections from turn to turn, and asks no proxy for this machine's own services.

    It speaks HTTP through aiohttp: httpx's own transport goes through all of its connections for each request and
    reads HTTP in Python, which takes half of the time that a reply costs.

    Args:
        module: `httpx` or its successor, whichever the library wants.
        answer_s: how long an answer may pause.
    """
    httpx = importlib.import_module(module)
    transport = importlib.import_module("httpx_aiohttp" if module == "httpx" else f"httpx_aiohttp.{module}")

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, keepalive_timeout=keepalive_s),
            trust_env=not is_loopback(urlsplit(base_url).hostname),
            trace_configs=[_telling_when_sent()],
        )

    return httpx.AsyncClient(
        transport=transport.AiohttpTransport(client=session, trust_env=False),
        timeout=httpx.Timeout(answer_s + _SLACK_S, connect=connect_s),
    )


def _telling_when_sent() -> aiohttp.TraceConfig:
    """The library takes milliseconds to put a request together; who measures wants the moment after that."""
    traced = aiohttp.TraceConfig()
    traced.on_request_chunk_sent.append(_sent)
    return traced


async def _sent(_session: aiohttp.ClientSession, _context: SimpleNamespace, _info: Any) -> None:
    if (tell := on_request_sent.get()) is not None:
        tell()
    if (tab := sending.get()) is not None:
        tab.is_sent = True
