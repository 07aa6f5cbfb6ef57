"""The relay hands on what it gets, both ways."""

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from bench.relay import pump


async def test_messages_are_handed_on_until_the_caller_leaves() -> None:
    handed_on: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    async def answer(caller: ServerConnection) -> None:
        await pump(caller, handed_on.put)
        await handed_on.put(None)

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as caller:
            await caller.send(b"\x01\x02")
            await caller.send("text")

        assert [await handed_on.get() for _ in range(3)] == [b"\x01\x02", "text", None]
