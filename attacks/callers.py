"""Attacks from within a call: by those who have a token."""

import asyncio
import functools
import gzip
import itertools
import json
import os
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode

from attacks.honest import ATTACKER as NAME
from attacks.honest import ATTACKERS_VOLUME as VOLUME
from attacks.mutator import Mutator
from attacks.outcome import Deadline, Outcome
from attacks.target import Target, source

SEED: Final = int(os.environ.get("ATTACK_SEED", "20261122"))
ATTACKERS: Final = 20
_dials = itertools.count()
_MIB: Final = 2**20
_WINDOW: Final = 65_536
_NARROW: Final = 2048
"""What a socket takes that nobody reads: the rest waits at the server."""
FENCE: Final = b"\x11\x10\x10\x00\x00\x00\x00\x0d" + b'{"event":"F"}'
"""An unknown event: the answer shows that the call still answers, and bad frames before it are no longer in a row."""


def said(text: str) -> bytes:
    """As if it had been typed."""
    body = json.dumps({"event": "UserText", "payload": {"text": text}}).encode()
    return b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body


async def mutated(target: Target, deadline: Deadline) -> Outcome:
    """Frames that are nearly good."""
    outcome = Outcome(note="mutated frames")

    async def attack(number: int, socket: ClientConnection) -> None:
        mutator = Mutator(SEED + number)
        while not deadline.passed:
            for _ in range(8):
                await socket.send(mutator.frame())
            await socket.send(FENCE)
            outcome.tried += 9

    await swarm(target, deadline, attack, outcome)
    return outcome


async def million(target: Target, frames: int) -> Outcome:
    """So many mutated frames; the server is set to bear them."""
    outcome = Outcome(note=f"mutated frames (seed {SEED})")
    lines = 8

    async def attack(number: int) -> None:
        mutator, left = Mutator(SEED + 1000 + number), frames // lines
        while left > 0:
            try:
                async with _dialled(target, number) as socket, asyncio.TaskGroup() as tasks:
                    reading = tasks.create_task(_swallow(socket, outcome))
                    while left > 0:
                        batch = min(left, 200)
                        for _ in range(batch):
                            await socket.send(mutator.frame())
                        left -= batch
                        outcome.tried += batch
                    reading.cancel()
            except* (WebSocketException, OSError, TimeoutError, AttributeError):
                pass  # hung up: on with another line (asyncio's transport knows no loop when it is aborted again)

    await asyncio.gather(*(attack(number) for number in range(lines)))
    outcome.wanted = frames // lines * lines
    return outcome


async def gzip_bombs(target: Target, deadline: Deadline) -> Outcome:
    """Bodies of a few kilobytes that would be twenty megabytes, and say so or lie."""
    outcome = Outcome(note="bombs of 20 MiB")
    packed = _packed()
    lying = packed[:-4] + (1000).to_bytes(4, "little")  # its own account of its size
    bombs = [
        bytes((0x11, kind, 0x11, 0)) + len(body).to_bytes(4, "big") + body
        for kind in (0x10, 0x20)
        for body in (packed, lying)
    ]

    async def attack(number: int, socket: ClientConnection) -> None:
        while not deadline.passed:
            await socket.send(bombs[outcome.tried % len(bombs)])
            await socket.send(FENCE)
            outcome.tried += 1

    await swarm(target, deadline, attack, outcome)
    return outcome


async def oversize_messages(target: Target, deadline: Deadline) -> Outcome:
    """Messages of eight megabytes, whole and in pieces, and JSON that is slow to read."""
    outcome = Outcome(note="messages beyond the bounds")
    nested = b'{"event":"X","payload":' + b"[" * 400_000
    wide = b'{"event":"X","payload":{"a":[' + b"1," * 400_000 + b"1]}}"
    kinds: list[bytes | list[bytes]] = [
        bytes(8 * _MIB),
        [bytes(_MIB)] * 8,
        *(b"\x11\x10\x10\x00" + len(body).to_bytes(4, "big") + body for body in (nested, wide)),
    ]

    async def attack(number: int, socket: ClientConnection) -> None:
        while not deadline.passed:
            outcome.tried += 1
            await socket.send(kinds[outcome.tried % len(kinds)])

    await swarm(target, deadline, attack, outcome)
    return outcome


async def floods(target: Target, deadline: Deadline) -> Outcome:
    """As many frames as go through the wire: events, sound, pings, empty pieces."""
    outcome = Outcome(note="frames sent as fast as they go")
    sound = b"\x11\x20\x00\x00\x00\x00\x02\x80" + bytes(640)
    floods = [
        Frame(Opcode.BINARY, FENCE).serialize(mask=True) * 200,
        Frame(Opcode.BINARY, sound).serialize(mask=True) * 100,
        Frame(Opcode.PING, bytes(100)).serialize(mask=True) * 200,
        Frame(Opcode.BINARY, b"", fin=False).serialize(mask=True)
        + Frame(Opcode.CONT, b"", fin=False).serialize(mask=True) * 5000,
    ]

    async def attack(number: int, socket: ClientConnection) -> None:
        data = floods[number % len(floods)]
        while not deadline.passed and not socket.transport.is_closing():
            socket.transport.write(data)
            outcome.tried += 200
            async with asyncio.timeout(deadline.left_s + 0.1):
                await socket.drain()
            await asyncio.sleep(0)

    await swarm(target, deadline, attack, outcome)
    return outcome


@functools.cache
def _packed() -> bytes:
    return gzip.compress(bytes(20 * _MIB), 1)


Work = Callable[[int, ClientConnection], "asyncio.Future[None] | object"]


async def swarm(
    target: Target, deadline: Deadline, work: Work, outcome: Outcome, *, reads: bool = True, query: str = ""
) -> None:
    """Many callers; each begins anew when it has been hung up on."""

    async def one(number: int) -> None:
        while not deadline.passed:
            with suppress(WebSocketException, OSError, TimeoutError, ExceptionGroup):
                async with (
                    _dialled(target, number, query, _WINDOW if reads else _NARROW) as socket,
                    asyncio.TaskGroup() as tasks,
                ):
                    reading = tasks.create_task(_swallow(socket, outcome)) if reads else None
                    try:
                        await work(number, socket)  # type: ignore[misc]
                    finally:
                        if reading is not None:
                            reading.cancel()
            await asyncio.sleep(0.05)

    await asyncio.gather(*(one(number) for number in range(ATTACKERS)))


@asynccontextmanager
async def _dialled(
    target: Target, number: int, query: str = "", window: int = _WINDOW
) -> AsyncIterator[ClientConnection]:
    line = sockets.socket()
    line.setblocking(False)
    with suppress(OSError):  # before it is open: what the other side may have under way goes by that
        line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, window)
    line.bind(source(next(_dials)))  # who was hung up on comes again from elsewhere
    try:
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", target.call_port))
    except BaseException:
        line.close()
        raise
    socket = await connect(
        f"{target.url}?volume={VOLUME}{query}",
        additional_headers=target.headers(f"attacker{number}"),
        compression=None,
        max_size=None,
        close_timeout=0.2,
        ping_interval=None,
        sock=line,
        open_timeout=5,
    )
    try:
        await socket.send(said(f"我是{NAME}{number}，你好。"))  # what nobody else may hear
        yield socket
    finally:
        with suppress(AttributeError):  # asyncio's, of a transport that is gone already
            socket.transport.abort()


async def _swallow(socket: ClientConnection, outcome: Outcome) -> None:
    """Read, and look at nothing but whether the server admits a fault of its own."""
    with suppress(WebSocketException):
        async for message in socket:
            outcome.crashes += isinstance(message, bytes) and b'"Internal"' in message
