"""A service that has sent much more than is read is held back, and is not taken for dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

from backend.errors import ProviderUnavailable
from backend.providers.sockets import MAX_WAITING_BYTES, ServiceSocket, SocketLimits, dial

PIECE = 20_000
PIECES = 2_000


class Talkative:
    """Sends without end, and knows how much went out."""

    def __init__(self) -> None:
        self.sent = 0
        self.url = ""

    async def talk(self, socket: ServerConnection) -> None:
        for _ in range(PIECES):
            await socket.send(bytes(PIECE))
            self.sent += PIECE


@asynccontextmanager
async def dialled(service: Talkative) -> AsyncIterator[ServiceSocket]:
    async with serve(service.talk, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        limits = SocketLimits(5, 5, None, 5)
        socket = await dial(
            "tts", f"ws://127.0.0.1:{port}", {}, limits, lambda _: ProviderUnavailable("tts", "it refused")
        )
        try:
            yield socket
        finally:
            await socket.close()


async def test_what_is_not_read_waits_at_the_service() -> None:
    async with dialled(Talkative()) as socket:
        queue = socket._connection.recv_messages
        async with asyncio.timeout(10):
            while not queue.paused:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        waiting = sum(len(frame.data) for frame in queue.frames.queue)
        assert waiting + PIECE > MAX_WAITING_BYTES
        assert waiting < MAX_WAITING_BYTES + 512 * 1024  # a read of the socket more
        for _ in range(200):
            assert len(await socket.receive()) == PIECE


async def test_whatever_comes_answers_a_ping_that_stands_behind_it() -> None:
    async with dialled(Talkative()) as socket:
        connection = socket._connection
        pong = asyncio.get_running_loop().create_future()
        connection.pending_pings[b"ping"] = (pong, 0.0)
        async with asyncio.timeout(10):
            for _ in range(200):
                await socket.receive()
            assert await pong > 0
        assert not connection.pending_pings
