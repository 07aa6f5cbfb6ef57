"""Connections of the chat libraries' HTTP client, opened before a request needs them."""

import logging
from asyncio import Future
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from backend.providers.chat_failure import ODD_ANSWERS
from backend.providers.chat_reserve import ChatReserve
from backend.providers.reserve import ReserveLimits

log = logging.getLogger(__name__)

_FAILURES: Final = (aiohttp.ClientError, OSError, *ODD_ANSWERS)


class ChatLine:
    """An open connection, through TLS and a proxy where there are any; no byte of a request was sent on it."""

    def __init__(self, protocol: ResponseHandler) -> None:
        self.protocol = protocol

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent on it. Nothing should come before that: if something did, it is spent."""
        return self.protocol.is_connected() and not self.protocol.should_close

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Tell when the protocol's future says that it is closed; that may be after this line was taken."""

        def settled(closed: "Future[None]") -> None:
            if not closed.cancelled():
                closed.exception()  # or it is reported as never asked for
            tell()

        if (closed := self.protocol.closed) is None:
            tell()
        else:
            closed.add_done_callback(settled)

    def close(self) -> None:
        """Close it."""
        self.protocol.close()


class _Opened(Exception):  # noqa: N818 - says what happened
    """There is a connection, and the request that it was made for is not to be sent."""

    def __init__(self, protocol: ResponseHandler) -> None:
        self.protocol = protocol


class ReadyConnector(aiohttp.TCPConnector):
    """Where none is idle, takes a connection of the reserve before it dials.

    `reserve` is filled with connections made just as for a request, so that proxies and TLS are the same.

    Args:
        url: where the chat service is.
        connect_s: how long TCP and TLS may take.
    """

    def __init__(self, url: str, connect_s: float, limits: ReserveLimits, **wishes: Any) -> None:
        super().__init__(**wishes)
        self.reserve = ChatReserve(self._dial, limits)
        self.session: aiohttp.ClientSession | None = None
        self._url = url
        self._patience = aiohttp.ClientTimeout(total=connect_s)
        self._key: object = None

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's name
    ) -> ResponseHandler:
        """Make a connection, which aiohttp asks for only when none that was used before is idle."""
        # through a proxy without TLS, aiohttp prepares the request while it dials
        suits = req.connection_key == self._key and (req.is_ssl() or not req.proxy)
        if suits and (line := await self.reserve.take()) is not None:
            return line.protocol
        return await super()._create_connection(req, traces, timeout)

    async def _dial(self) -> ChatLine | None:
        try:
            await self._open()
        except _Opened as opened:
            return ChatLine(opened.protocol)
        except _FAILURES as exc:
            log.info("chat.no_line", extra={"reason": type(exc).__name__})
        return None

    async def _open(self) -> None:
        connect = super()._create_connection

        async def without_sending(req: aiohttp.ClientRequest, _: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
            self._key = req.connection_key
            raise _Opened(await connect(req, [], self._patience))

        if self.session is not None:
            await self.session.head(self._url, timeout=self._patience, middlewares=(without_sending,))
