"""Whole messages past the library: what comes out is what the library itself would have made of the same bytes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosedError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from backend.whole_messages import WholeMessages, send_now, whole_frame, whole_message

MOST_BYTES = 400


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.buffered = 0
        self.closing = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written += b"EOF"


def connected(kind: type[Connection], side: Side) -> tuple[Connection, Wire]:
    connection, wire = kind(Protocol(side, max_size=MOST_BYTES), ping_interval=None), Wire()
    connection.connection_made(wire)
    return connection, wire


def received(kind: type[Connection], side: Side, pieces: Sequence[bytes]) -> tuple[object, ...]:
    """What a connection makes of these pieces, one after another."""

    async def receive() -> tuple[object, ...]:
        connection, wire = connected(kind, side)
        for piece in pieces:
            connection.data_received(piece)
        queue = connection.recv_messages.frames.queue
        ending = connection.protocol.close_sent, connection.protocol.close_rcvd
        return (
            [(each.opcode, bytes(each.data), each.fin) for each in queue],
            connection.protocol.state,
            ending,
            (len(wire.written)),
        )

    return asyncio.run(receive())


def frames_of(side: Side) -> st.SearchStrategy[bytes]:
    data = st.binary(max_size=12) | st.integers(120, 130).map(bytes) | st.integers(390, 410).map(bytes)
    messages = st.builds(Frame, st.just(Opcode.BINARY), data)
    others = st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY]), data, st.booleans())
    controls = st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=4))
    goodbye = st.just(Frame(Opcode.CLOSE, Close(1000, "").serialize()))
    frames = st.one_of(messages, messages, messages, others, others, controls, goodbye)
    laid_out = frames.map(lambda frame: frame.serialize(mask=side is Side.SERVER))
    return st.one_of(*[laid_out] * 8, st.binary(max_size=3))


@given(st.data(), st.sampled_from(list(Side)))
def test_whatever_comes_in_whatever_pieces_is_taken_as_the_library_takes_it(data: st.DataObject, side: Side) -> None:
    frames = data.draw(st.lists(frames_of(side), max_size=8))
    if data.draw(st.booleans()):
        pieces = frames
    else:
        whole = b"".join(frames)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    pieces = [piece for piece in pieces if piece]

    assert received(WholeMessages, side, pieces) == received(Connection, side, pieces)


async def test_once_something_has_come_whole_messages_are_not_left_to_the_librarys_parser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, _ = connected(WholeMessages, Side.SERVER)
    connection.data_received(whole_frame(b"first", b"mask"))
    monkeypatch.setattr(connection.protocol, "receive_data", lambda _: pytest.fail("the library was asked"))

    connection.data_received(whole_frame(b"second", b"mask") + whole_frame(bytes(200), b"mask"))

    assert [await connection.recv() for _ in range(3)] == [b"first", b"second", bytes(200)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535])
@pytest.mark.parametrize("mask", [None, b"\x01\x80\xff\x00"])
def test_a_frame_holds_its_message(size: int, mask: bytes | None) -> None:
    message = bytes(range(256)) * 256
    message = message[:size]

    assert whole_message(whole_frame(message, mask), 0, masked=mask is not None) == (
        message,
        len(whole_frame(message, mask)),
    )


@pytest.mark.parametrize("side", list(Side))
async def test_what_is_sent_at_once_is_what_the_peers_library_reads(side: Side) -> None:
    connection, wire = connected(WholeMessages, side)
    sent = [b"", b"one", bytes(130)]
    assert all(send_now(connection, message) for message in sent)

    peer, _ = connected(Connection, Side.CLIENT if side is Side.SERVER else Side.SERVER)
    peer.data_received(wire.written)

    assert [await peer.recv() for _ in sent] == sent


async def test_no_two_messages_have_the_same_mask() -> None:
    connection, wire = connected(WholeMessages, Side.CLIENT)
    for _ in range(3000):
        send_now(connection, b"")

    assert len({wire.written[at : at + 6] for at in range(0, len(wire.written), 6)}) > 2990


def _paused(connection: Connection, _wire: Wire) -> None:
    connection.pause_writing()


def _filled(_connection: Connection, wire: Wire) -> None:
    wire.buffered = 24 * 1024 - 4


def _closing(_connection: Connection, wire: Wire) -> None:
    wire.closing = True


def _closed(connection: Connection, _wire: Wire) -> None:
    connection.protocol.state = State.CLOSED


def _within_a_message(connection: Connection, _wire: Wire) -> None:
    connection.send_in_progress = connection.loop.create_future()


def _compressing(connection: Connection, _wire: Wire) -> None:
    connection.protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]


@pytest.mark.parametrize("hindered", [_paused, _filled, _closing, _closed, _within_a_message, _compressing])
async def test_nothing_is_sent_at_once_where_it_has_to_wait(hindered: Any) -> None:
    connection, wire = connected(WholeMessages, Side.SERVER)
    hindered(connection, wire)

    assert not send_now(connection, b"later")
    assert not wire.written


async def test_a_message_that_would_fill_the_buffer_by_itself_is_left_to_the_library() -> None:
    connection, wire = connected(WholeMessages, Side.SERVER)

    assert not send_now(connection, bytes(24 * 1024 + 1))
    assert not wire.written


async def test_a_piece_that_only_looks_like_a_frame_is_part_of_the_message_that_it_belongs_to() -> None:
    connection, _ = connected(WholeMessages, Side.SERVER)
    inner = whole_frame(b"no message", b"mask")
    outer = whole_frame(inner, bytes(4))
    connection.data_received(whole_frame(b"first", b"mask"))

    connection.data_received(outer[: -len(inner)])
    connection.data_received(inner)

    assert [await connection.recv() for _ in range(2)] == [b"first", inner]


async def test_nothing_is_taken_after_a_message_over_which_the_connection_was_closed() -> None:
    class Strict(WholeMessages):
        def process_event(self, event: Any) -> None:
            super().process_event(event)
            if bytes(event.data) == b"bad":
                self.protocol.fail(1008, "no more")

    connection, _ = connected(Strict, Side.SERVER)
    connection.data_received(whole_frame(b"good", b"mask"))
    connection.data_received(whole_frame(b"bad", b"mask") + whole_frame(b"late", b"mask"))

    assert [bytes(each.data) for each in connection.recv_messages.frames.queue] == [b"good", b"bad"]


async def test_who_waits_gets_what_comes_of_every_kind_and_in_its_order() -> None:
    connection, _ = connected(WholeMessages, Side.SERVER)
    waiting = asyncio.create_task(connection.recv())
    await asyncio.sleep(0)

    connection.data_received(whole_frame(b"first", b"mask"))
    for frame in (
        Frame(Opcode.TEXT, b"words"),
        Frame(Opcode.BINARY, b"in ", fin=False),
        Frame(Opcode.CONT, b"parts"),
        Frame(Opcode.BINARY, b"last"),
    ):
        connection.data_received(frame.serialize(mask=True))

    assert await waiting == b"first"
    assert [await connection.recv() for _ in range(3)] == ["words", b"in parts", b"last"]


async def test_a_message_is_not_lost_with_the_one_who_waited_for_it() -> None:
    connection, _ = connected(WholeMessages, Side.SERVER)
    waiting = asyncio.create_task(connection.recv())
    await asyncio.sleep(0)
    connection.data_received(whole_frame(b"kept", b"mask"))
    waiting.cancel()
    await asyncio.wait([waiting])

    assert await connection.recv() == b"kept"


async def test_who_waits_learns_that_the_connection_is_gone() -> None:
    connection, _ = connected(WholeMessages, Side.SERVER)
    waiting = asyncio.create_task(connection.recv())
    await asyncio.sleep(0)

    connection.connection_lost(None)

    with pytest.raises(ConnectionClosedError):
        await waiting


async def test_a_reader_that_falls_behind_stops_the_peer_until_it_has_caught_up() -> None:
    connection, wire = connected(WholeMessages, Side.SERVER)
    for _ in range(20):
        connection.data_received(whole_frame(b"", b"mask"))
    assert not wire.is_reading()

    for _ in range(20):
        await connection.recv()
    assert wire.is_reading()
