"""The HTTP client that the chat libraries are given. Imported with them: it takes a while."""

import importlib
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from backend.expenses import sending
from backend.marks import on_request_sent
from backend.providers.chat_chunks import StreamError
from backend.providers.chat_failure import ODD_ANSWERS
from backend.providers.chat_lines import ReadyConnector
from backend.providers.chat_stream import ChatTimes
from backend.providers.sockets import is_loopback

_SLACK_S: Final = 5.0
"""The client's deadlines are so much longer than the adapters' own, which come first."""
_MAX_CONNECTIONS: Final = 1000

ESCAPES: Final = (StreamError, aiohttp.ClientError, *ODD_ANSWERS)
"""What may be raised beside a library's own errors."""


class ChatConnections:
    """The connections of one client: in use, idle between turns, or ready for the first.

    Those to this machine use no proxy.

    Args:
        base_url: where the chat service is.
        times: how long one may take to be opened, and stay idle.
    """

    def __init__(self, base_url: str, times: ChatTimes) -> None:
        self._base_url = base_url
        self._times = times
        self._session: aiohttp.ClientSession | None = None
        self._connector: ReadyConnector

    def session(self) -> aiohttp.ClientSession:
        """It belongs to the event loop in which it is first asked for."""
        if self._session is None:
            self._connector = ReadyConnector(
                self._base_url,
                self._times.connect_s,
                self._times.spares,
                limit=_MAX_CONNECTIONS,
                keepalive_timeout=self._times.keepalive_s,
            )
            self._session = self._connector.session = aiohttp.ClientSession(
                connector=self._connector,
                trust_env=not is_loopback(urlsplit(self._base_url).hostname),
                trace_configs=[_telling_when_sent()],
            )
        return self._session

    async def warm(self) -> None:
        """Have one ready; a failure is not told."""
        self.session()
        await self._connector.reserve.warm()

    def in_use(self) -> AbstractContextManager[None]:
        """For as long as a request is under way; if it is abandoned, its connection is replaced at once."""
        self.session()
        return self._connector.reserve.in_use()

    async def aclose(self) -> None:
        """Let go of all of them."""
        if self._session is not None:
            await self._connector.reserve.aclose()
            await self._session.close()


def http_client(module: str, connections: ChatConnections, times: ChatTimes) -> Any:
    """A client over connections that are kept from turn to turn.

    It speaks HTTP through aiohttp: httpx's own transport goes through all of its connections for each request and
    reads HTTP in Python, which takes half of the time that a reply costs.

    Args:
        module: `httpx` or its successor, whichever the library wants.
        times: how long an answer may pause.
    """
    httpx = importlib.import_module(module)
    transport = importlib.import_module("httpx_aiohttp" if module == "httpx" else f"httpx_aiohttp.{module}")
    return _direct(httpx.AsyncClient)(
        transport=transport.AiohttpTransport(client=connections.session, trust_env=False),
        timeout=httpx.Timeout(times.first_token_s + times.token_s + _SLACK_S, connect=times.connect_s),
    )


def _direct(client: type[Any]) -> type[Any]:
    """A subclass of this client that goes straight to its transport: chat needs no cookies, redirects or logins."""

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
    """Whether a connection was closed on us: the libraries report that as a timeout."""
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
