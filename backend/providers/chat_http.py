"""The HTTP client that the chat libraries are given. Imported with them: it takes a while."""

import importlib
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from backend.expenses import sending
from backend.marks import on_request_sent
from backend.providers.chat_chunks import StreamError
from backend.providers.chat_failure import ODD_ANSWERS
from backend.providers.chat_stream import ChatTimes
from backend.providers.sockets import is_loopback

_SLACK_S: Final = 5.0
"""The adapters' own deadlines come first; the client's only guard against a mistake in them."""
_MAX_CONNECTIONS: Final = 1000

ESCAPES: Final = (StreamError, aiohttp.ClientError, *ODD_ANSWERS)
"""What may be raised beside a library's own errors."""


def http_client(module: str, base_url: str, times: ChatTimes) -> Any:
    """A client that keeps connections from turn to turn, and asks no proxy for this machine's own services.

    It speaks HTTP through aiohttp: httpx's own transport goes through all of its connections for each request and
    reads HTTP in Python, which takes half of the time that a reply costs.

    Args:
        module: `httpx` or its successor, whichever the library wants.
        times: how long an answer may pause, and an idle connection stay.
    """
    httpx = importlib.import_module(module)
    transport = importlib.import_module("httpx_aiohttp" if module == "httpx" else f"httpx_aiohttp.{module}")

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, keepalive_timeout=times.keepalive_s),
            trust_env=not is_loopback(urlsplit(base_url).hostname),
            trace_configs=[_telling_when_sent()],
        )

    return _direct(httpx.AsyncClient)(
        transport=transport.AiohttpTransport(client=session, trust_env=False),
        timeout=httpx.Timeout(times.first_token_s + times.token_s + _SLACK_S, connect=times.connect_s),
    )


def _direct(client: type[Any]) -> type[Any]:
    """A kind of this client that goes straight to its transport: chat needs no cookies, redirects or logins."""

    class Direct(client):  # type: ignore[misc]
        async def send(self, request: Any, *, stream: bool = False, **wishes: Any) -> Any:
            if wishes or request.url.userinfo:
                return await super().send(request, stream=stream, **wishes)
            response = await self._transport.handle_async_request(request)
            response.request = request
            if not stream:
                await response.aread()
            return response

    return Direct


def was_cut(exc: BaseException | None) -> bool:
    """The libraries take a connection that is closed on them for one that was slow to open."""
    while exc is not None:
        if isinstance(exc, aiohttp.ClientConnectionError):
            return not isinstance(exc, aiohttp.ServerTimeoutError)
        exc = exc.__cause__
    return False


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
