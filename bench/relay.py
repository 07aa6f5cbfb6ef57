"""The floor: a bare WebSocket relay, one upstream connection a caller, every message handed on as it comes.

It runs on the event loop that our server runs on.

`python -m bench.relay PORT UPSTREAM_URL`
"""

import asyncio
import sys
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backend.process.loop import loop_factory


async def relay(port: int, upstream_url: str) -> None:
    """Relay until cancelled."""

    async def answer(caller: ServerConnection) -> None:
        async with connect(upstream_url, compression=None, proxy=None) as upstream, asyncio.TaskGroup() as tasks:
            down = tasks.create_task(pump(upstream, caller.send))
            await pump(caller, upstream.send)
            down.cancel()

    async with serve(answer, "127.0.0.1", port, compression=None):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


async def pump(source: AsyncIterable[str | bytes], send: Callable[[str | bytes], Awaitable[None]]) -> None:
    """Hand on what comes, until either side is gone."""
    with suppress(ConnectionClosed):
        async for message in source:
            await send(message)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(relay(int(sys.argv[1]), sys.argv[2]))
