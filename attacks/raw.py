"""Attacks below HTTP and WebSocket: sockets that wait, drip, say too much, or are too many."""

import asyncio
import resource
import socket as sockets
from contextlib import suppress
from typing import Final

from attacks.outcome import Deadline, Outcome
from attacks.target import Target, source

HALF_OPEN: Final = 10_000
_SPARE_FILES: Final = 200
_DRIPPING: Final = 400
_AT_ONCE: Final = 50
_PATIENCE_S: Final = 2.0
_HEAD: Final = b"GET /api/live_voice_call/chat HTTP/1.1\r\nHost: localhost\r\n"
_Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def half_open(target: Target, deadline: Deadline) -> Outcome:
    """Open sockets to both ports, say nothing, and hold them."""
    outcome = Outcome(note="sockets opened that say nothing", wanted=HALF_OPEN)
    held = list[sockets.socket]()
    loop = asyncio.get_running_loop()

    async def hold(number: int) -> None:
        line = sockets.socket()  # no transport: that takes longer than to open it
        held.append(line)
        line.setblocking(False)
        with suppress(OSError):
            line.bind(source(number))
            await loop.sock_connect(line, ("127.0.0.1", (target.call_port, target.web_port)[number % 2]))
            outcome.tried += 1

    most = min(HALF_OPEN, _files())
    for start in range(0, most, _AT_ONCE):
        if deadline.passed:
            break
        await asyncio.gather(*(hold(number) for number in range(start, min(start + _AT_ONCE, most))))
    await asyncio.sleep(min(2.0, deadline.left_s))
    outcome.note += f"; {sum(map(_is_open, held))} still open"
    for each in held:
        each.close()
    return outcome


def _is_open(line: sockets.socket) -> bool:
    try:
        return line.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


async def slow_loris(target: Target, deadline: Deadline) -> Outcome:
    """Shake hands a byte at a time, on both ports."""
    outcome = Outcome(note="handshakes that dripped; none may be let in")

    async def drip(number: int) -> None:
        while not deadline.passed:
            with suppress(OSError, TimeoutError):
                reader, writer = await _open(target, number)
                outcome.tried += 1
                writer.write(_HEAD)
                while not deadline.passed and not reader.at_eof() and not writer.is_closing():
                    writer.write(b"X")
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.25):
                            outcome.harm += b" 101 " in await reader.read(100)
                writer.close()

    await asyncio.gather(*(drip(number) for number in range(_DRIPPING)))
    return outcome


async def oversize(target: Target, deadline: Deadline) -> Outcome:
    """Handshakes and requests with too many bytes, headers, lines; and bodies of tens of megabytes."""
    outcome = Outcome(note="handshakes and requests beyond the bounds; none may be answered well")
    heads = (
        _HEAD + b"X-A: " + b"a" * 200_000,
        _HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(3000)) + b"\r\n",
        _HEAD + (b"X-A: " + b"a" * 8000 + b"\r\n") * 20 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"DELETE /api/conversations/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n" + b"a" * 500_000,
        b"DELETE /api/conversations/x HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffffffff\r\n" + b"a" * 500_000,
        b"GET / HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01" + bytes(60_000),
        b"\r\n" * 50_000,
    )  # fmt: skip
    while not deadline.passed:
        answers = await asyncio.gather(*(_says(target, number, head) for number, head in enumerate(heads * 4)))
        outcome.tried += len(answers)
        outcome.harm += sum(b" 101 " in answer or b"lvc_calls" in answer for answer in answers)
    return outcome


async def in_and_out(target: Target, deadline: Deadline) -> Outcome:
    """Shake hands as fast as it goes, with a good token, from one address, and hang up."""
    outcome, taken = Outcome(note="handshakes of one address"), 0
    head = _HEAD + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    head += (
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " + target.token().encode() + b"\r\n\r\n"
    )
    while not deadline.passed:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", target.call_port, local_addr=("127.1.1.1", 0))
            writer.write(head)
            async with asyncio.timeout(_PATIENCE_S):
                taken += b" 101 " in await reader.readline()
            outcome.tried += 1
            writer.transport.abort()
    outcome.note += f"; {taken} were let in, the others told to wait"
    return outcome


async def _says(target: Target, number: int, data: bytes) -> bytes:
    answer = b""
    with suppress(OSError, TimeoutError):
        reader, writer = await _open(target, number)
        writer.write(data)
        async with asyncio.timeout(_PATIENCE_S):
            answer = await reader.read(100_000)
        writer.transport.abort()
    return answer


async def _open(target: Target, number: int) -> _Pair:
    port = (target.call_port, target.web_port)[number % 2]
    return await asyncio.open_connection("127.0.0.1", port, local_addr=source(number))


def _files() -> int:
    """How many sockets may be open; the system's own bound is raised where that is allowed."""
    wanted = HALF_OPEN + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, wanted))
            hard = wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most - _SPARE_FILES
