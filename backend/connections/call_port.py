"""The port at which calls are taken: WebSocket, with a certificate where there is one."""

from contextlib import AsyncExitStack
from typing import Final

from websockets.asyncio.server import serve

from backend.access.waiting import WaitingRoom
from backend.connections.certificate import tls, tls_handshake_s
from backend.connections.guarded_socket import guarded
from backend.connections.reception import Reception
from backend.connections.tls_handshakes import TlsHandshakes
from backend.process.listening import cannot_listen
from backend.settings import Settings

_CLOSE_S: Final = 2.0
_QUEUED_FRAMES: Final = 4
"""That a call has not taken yet; each may be as large as a message may be."""


async def take_calls(stack: AsyncExitStack, settings: Settings, reception: Reception) -> int:
    """Listen for calls until the stack is closed; the port.

    Raises:
        ConfigError: the port cannot be had, or the certificate is not good.
    """
    address, limits = settings.call_address, settings.socket
    room = WaitingRoom(limits.waiting)
    context = tls(settings.tls)
    handshakes = None if context is None else TlsHandshakes(context, tls_handshake_s(limits), room, _CLOSE_S)
    try:
        calls = await stack.enter_async_context(
            serve(
                reception.answer,
                address.host,
                address.port,
                process_request=reception.admit,
                select_subprotocol=reception.choose_subprotocol,
                create_connection=guarded(limits, room, handshakes),  # type: ignore[arg-type]
                max_size=settings.call.max_message_bytes,
                max_queue=_QUEUED_FRAMES,
                compression=None,  # speech does not shrink, and deflate costs memory and time on every frame
                open_timeout=limits.handshake_s,
                close_timeout=_CLOSE_S,
                server_header=None,
            )
        )
    except (OSError, UnicodeError) as exc:
        raise cannot_listen(address, "CALL_PORT", exc) from exc
    if handshakes is not None:
        stack.push_async_callback(handshakes.aclose)
    port: int = next(iter(calls.sockets)).getsockname()[1]
    return port
