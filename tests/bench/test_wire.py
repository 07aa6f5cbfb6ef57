"""The callers' WebSocket is one to the library that servers use."""

import asyncio
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from bench.wire import Refused, dial, masked


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
async def test_messages_of_every_size_go_there_and_back(size: int) -> None:
    async def echo(caller: ServerConnection) -> None:
        async for message in caller:
            await caller.send(message)

    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        wire = await dial(f"ws://127.0.0.1:{_port(server.sockets)}/a?b=c", heard.put_nowait)
        wire.write(masked(bytes(size)) + masked(b"next"))

        assert [await heard.get(), await heard.get()] == [bytes(size), b"next"]
        wire.close()


async def test_a_message_in_pieces_is_one_message() -> None:
    async def tell(caller: ServerConnection) -> None:
        await caller.send([b"a", b"b", b"c"])
        await caller.send(b"d")

    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with serve(tell, "127.0.0.1", 0, compression=None) as server:
        wire = await dial(f"ws://127.0.0.1:{_port(server.sockets)}", heard.put_nowait)

        assert [await heard.get(), await heard.get()] == [b"abc", b"d"]
        wire.close()


async def test_a_ping_is_answered() -> None:
    answered: asyncio.Queue[float] = asyncio.Queue()

    async def ask(caller: ServerConnection) -> None:
        answered.put_nowait(await (await caller.ping()))

    async with serve(ask, "127.0.0.1", 0, compression=None) as server:
        wire = await dial(f"ws://127.0.0.1:{_port(server.sockets)}", lambda _: None)

        assert await answered.get() >= 0
        wire.close()


async def test_a_server_that_refuses_is_heard() -> None:
    async def never(_: ServerConnection) -> None:
        raise AssertionError

    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")

    async with serve(never, "127.0.0.1", 0, process_request=refuse) as server:
        with pytest.raises(Refused) as refused:
            await dial(f"ws://127.0.0.1:{_port(server.sockets)}", lambda _: None)

    assert refused.value.status == 503


async def test_no_server_is_an_os_error() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await dial("ws://127.0.0.1:9", lambda _: None)


def _port(sockets: object) -> int:
    port: int = next(iter(sockets)).getsockname()[1]  # type: ignore[call-overload]
    return port
