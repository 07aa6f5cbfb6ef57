"""What a socket may do before, between and instead of messages."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

from backend.access.door import Door
from backend.access.settings import AccessSettings, SocketLimits
from backend.access.waiting import WaitingRoom
from backend.connections.guarded_socket import GuardedSocket
from tests.support.caller import dialled
from tests.support.switchboard import Switchboard, answering

HEAD = b"GET /api/live_voice_call/chat HTTP/1.1\r\nHost: localhost\r\n"


class Raw:
    """A TCP connection that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ended(self) -> bytes:
        """What came before the server closed it."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


async def raw(board: Switchboard, says: bytes = b"", host: str = "127.0.0.1") -> Raw:
    port = urlsplit(board.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    writer.write(says)
    return Raw(reader, writer)


def hang_up(*sockets: Raw) -> None:
    """So that the server, at its end, need not wait for their handshakes."""
    for each in sockets:
        each.writer.transport.abort()


@asynccontextmanager
async def limited(waiting: int = 256, **limits: Any) -> AsyncIterator[Switchboard]:
    room = WaitingRoom(waiting)
    async with answering(Switchboard(socket=SocketLimits(**limits), room=room)) as board:
        yield board


async def until(reached: Any) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_sockets_that_say_nothing_do_not_keep_a_caller_out() -> None:
    async with limited(waiting=8) as board:
        silent = [await raw(board) for _ in range(40)]
        await until(lambda: board.room.turned_out >= 32)
        assert len(board.room) <= 8
        async with dialled(board.url) as caller:
            assert caller.sid
        assert [await each.ended() for each in silent[:32]] == [b""] * 32
        hang_up(*silent)


async def test_who_is_in_waits_no_longer_and_a_caller_of_another_address_is_not_turned_out() -> None:
    async with limited(waiting=2) as board, dialled(board.url) as caller:
        assert len(board.room) == 0
        slow = await raw(board, HEAD, host="127.0.0.2")
        flood = [await raw(board) for _ in range(6)]
        await until(lambda: board.room.turned_out >= 5)
        slow.writer.write(b"\r\n")
        assert (await slow.ended()).startswith(b"HTTP/1.1 4")  # it was let finish, and is no WebSocket
        await caller.send("Nonsense")
        assert (await caller.event()).event == "BotError"
        hang_up(*flood)


@pytest.mark.parametrize("says", [b"", HEAD, b"G", HEAD + b"X-A: b\r\n"])
async def test_a_handshake_has_so_much_time(says: bytes) -> None:
    async with limited(handshake_s=0.2) as board:
        assert b"101" not in await (await raw(board, says)).ended()


async def test_a_handshake_that_drips_has_no_more_time() -> None:
    async with limited(handshake_s=0.3) as board:
        slow = await raw(board, HEAD)

        async def drip() -> None:
            while True:
                slow.writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert b"101" not in await slow.ended()
        dripping.cancel()


@pytest.mark.parametrize(
    "says",
    [
        HEAD + b"X-A: " + b"a" * 40_000,
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(100)) + b"\r\n",
        HEAD + (b"X-A: " + b"a" * 8000 + b"\r\n") * 5,
        b"a" * 100_000,
        b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(40_000),
    ],
)
async def test_a_handshake_has_so_many_bytes_and_headers(says: bytes) -> None:
    async with limited() as board:
        assert b"101" not in await (await raw(board, says)).ended()
        async with dialled(board.url) as caller:
            assert caller.sid


async def closed_with(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code


async def test_a_call_has_so_many_frames() -> None:
    async with limited(frames_per_s=1, frame_burst=20) as board, connect(board.url, compression=None) as socket:
        for _ in range(30):
            await socket.send(b"")
        assert await closed_with(socket) == 1008


async def test_pings_are_frames_too() -> None:
    async with limited(frames_per_s=1, frame_burst=20) as board, connect(board.url, compression=None) as socket:
        for _ in range(30):
            await socket.ping()
        assert await closed_with(socket) == 1008


async def test_a_message_comes_in_so_many_pieces() -> None:
    async with limited(fragments=10) as board, connect(board.url, compression=None) as socket:
        for number in range(30):
            opcode = Opcode.CONT if number else Opcode.BINARY
            socket.transport.write(Frame(opcode, b"", fin=False).serialize(mask=True))
        assert await closed_with(socket) == 1008


async def test_a_message_in_a_few_pieces_is_heard() -> None:
    async with limited(fragments=10) as board, connect(board.url, compression=None) as socket:
        await socket.recv()
        await socket.send([b"\x11", b"\x10\x10", b"\x00{}"])
        assert b"BadEvent" in await socket.recv(decode=False)


async def test_answers_are_not_heaped_up_for_who_does_not_read() -> None:
    limits: dict[str, Any] = {"unread_bytes": 64 * 1024, "frames_per_s": 1e6, "frame_burst": 10**6}
    async with limited(**limits) as board, connect(board.url, compression=None, ping_interval=None) as socket:
        socket.transport.pause_reading()
        frame = Frame(Opcode.PING, bytes(125)).serialize(mask=True) * 100
        assert board.reception is not None
        await until(lambda: board.reception is not None and board.reception.calls == 1)
        for _ in range(3000):
            socket.transport.write(frame)
            await asyncio.sleep(0)
            if board.reception.calls == 0:
                break
        await until(lambda: board.reception is not None and board.reception.calls == 0)


async def test_a_flood_leaves_the_others_their_turn_and_loses_nothing_of_what_is_within_bounds() -> None:
    async with limited(frames_per_s=1, frame_burst=500) as board, connect(board.url, compression=None) as socket:
        await socket.recv()
        body = b'{"event":"F"}'
        frame = Frame(Opcode.BINARY, b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body).serialize(mask=True)
        socket.transport.write(frame * 400)
        for _ in range(400):
            assert b"BadEvent" in await socket.recv(decode=False)


async def test_of_a_flood_no_more_is_read_than_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    most, hear = [0], GuardedSocket.data_received

    def watched(socket: GuardedSocket, data: bytes) -> None:
        hear(socket, data)
        most[0] = max(most[0], len(socket._held_back))

    monkeypatch.setattr(GuardedSocket, "data_received", watched)
    nothing = Frame(Opcode.PONG, b"").serialize(mask=True)
    async with limited(frames_per_s=1e6, frame_burst=10**6) as board, dialled(board.url) as caller:
        caller.socket.transport.write(nothing * 100_000)
        await caller.send("Nonsense")
        assert (await caller.event()).event == "BotError"
    assert 0 < most[0] < 300_000  # of 0.6 MB: one read of the socket, and what a turn leaves


async def test_a_message_that_is_too_long_is_refused_by_its_announced_length() -> None:
    async with limited() as board, connect(board.url, compression=None) as socket:
        socket.transport.write(Frame(Opcode.BINARY, bytes(2**20 + 1)).serialize(mask=True)[:14])
        assert await closed_with(socket) == 1009


async def test_of_a_message_that_was_refused_little_more_is_read_and_its_socket_is_gone_soon() -> None:
    async with limited() as board, connect(board.url, compression=None, max_size=None) as socket:
        await socket.recv()
        (refused,) = sockets_of(board)
        read, hear = list[int](), refused.data_received

        def watched(data: bytes) -> None:
            read.append(len(data))
            hear(data)

        refused.data_received = watched  # type: ignore[method-assign]
        socket.transport.pause_reading()  # it does not notice
        announced = Frame(Opcode.BINARY, bytes(64 * 2**20)).serialize(mask=True)
        socket.transport.write(announced)
        await until(refused.transport.is_closing)
        assert 0 < sum(read) < 20 * 2**20
        socket.transport.abort()


async def test_a_large_message_gives_the_others_their_turn() -> None:
    async with limited() as board, connect(board.url, compression=None) as socket:
        await socket.recv()
        (heard,) = sockets_of(board)
        at_once = list[int]()
        take = heard._take_turn

        def watched() -> int:
            before = len(heard._held_back)
            taken = take()
            at_once.append(before - len(heard._held_back))
            return taken

        heard._take_turn = watched  # type: ignore[method-assign]
        await socket.send(b"\x11\x10\x10\x00" + bytes(900_000))
        assert b"BadFrame" in await socket.recv(decode=False)
        assert sum(at_once) >= 900_000
        assert max(at_once) <= 68 * 1024


def sockets_of(board: Switchboard) -> list[GuardedSocket]:
    assert board.reception is not None
    return [each for each in board.reception._admissions._by_connection if isinstance(each, GuardedSocket)]


def piece(size: int, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    return Frame(opcode, bytes(size), fin=fin).serialize(mask=True)


@pytest.mark.parametrize(
    "sent",
    [
        piece(1_000_000)[:900_000],
        piece(2**20, fin=False) + piece(2**20, Opcode.CONT, fin=False),
        piece(900_000, fin=False),
    ],
    ids=["most of a message", "two pieces that are too long", "one piece of one"],
)
async def test_a_socket_that_is_gone_holds_nothing_of_what_it_had_sent(sent: bytes) -> None:
    """It may lie there until the collector comes by, and be one of thousands."""
    async with limited() as board:
        gc.disable()
        tracemalloc.start()
        try:
            async with connect(board.url, compression=None) as caller:
                await caller.recv()
                (there,) = sockets_of(board)
                before, _ = tracemalloc.get_traced_memory()
                caller.transport.write(sent)
                await until(lambda: tracemalloc.get_traced_memory()[1] > before + len(sent) // 2)
                caller.transport.abort()
            async with asyncio.timeout(10):
                await there.wait_closed()
            await until(lambda: board.reception is not None and board.reception.calls == 0)
            assert tracemalloc.get_traced_memory()[0] - before < 300_000
        finally:
            tracemalloc.stop()
            gc.enable()


async def test_where_a_token_is_wanted_who_floods_has_to_wait_before_coming_again() -> None:
    door = Door(AccessSettings(access_token="t", handshakes_per_s=0.01, handshake_burst=20))
    board = Switchboard(door=door, socket=SocketLimits(frames_per_s=1, frame_burst=10))
    token = {"Authorization": "Bearer t"}
    async with answering(board):
        async with connect(board.url, compression=None, additional_headers=token) as socket:
            for _ in range(20):
                await socket.send(b"")
            assert await closed_with(socket) == 1008
        await until(lambda: board.reception is not None and board.reception.calls == 0)
        with pytest.raises(InvalidStatus, match="429"):
            await connect(board.url, additional_headers=token)
