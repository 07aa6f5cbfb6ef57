"""Group `bounds`: section 6, and the closes that keep it."""

import asyncio
import random
import re
import time
from contextlib import AsyncExitStack, suppress

from conformance import wire
from conformance.bench import Bench
from conformance.call import BAD_FRAME, UNKNOWN_EVENT, Call, names
from conformance.verdict import Broken, NotTried, check

MIB = 1024 * 1024
AHEAD_S = 30
IN_A_ROW = 10
GRACE_S = 2.0
ANSWER_S = 3.0
ENOUGH_BYTES = 1024 * 1024
TELL_ME_MORE = (
    "请给我讲一个很长很长的故事，从你小时候讲起，讲到上学，讲到第一次离开家，讲到路上遇见的每一个人，他们说了什么，"
    "做了什么，后来怎么样了，你又是怎么想的，一件一件慢慢地讲，不要停，讲得越长越好，越细越好，我有的是时间，我都想听。"
)
"""Answered at length by a chat model, and by an echo."""


def _padded(size: int) -> bytes:
    """A harmless event of this many bytes of JSON."""
    body = wire.event_body("BotUpdateConfig")
    return body[:-1] + b" " * (size - len(body)) + b"}"


def _unevenly_padded(size: int) -> bytes:
    """The same, which shrinks to a quarter: JSON knows four kinds of blanks."""
    body = wire.event_body("BotUpdateConfig")
    padding = random.Random(size).choices(b" \t\r\n", k=size - len(body))  # noqa: S311 - it may be guessed
    return body[:-1] + bytes(padding) + b"}"


@check("bounds.message-too-big", "6")
async def message_too_big(bench: Bench) -> None:
    """A message of more than 1 MiB is answered with close 1009."""
    async with bench.dial() as call:
        await call.send(wire.frame(wire.REQUEST, _padded(MIB + 1), serialization=wire.JSON))
        code = await call.closed()
        if code != 1009:
            raise Broken(f"closed with {code}")


@check("bounds.message-just-small-enough", "6")
async def message_just_small_enough(bench: Bench) -> None:
    """A message of exactly 1 MiB is read."""
    async with bench.dial() as call:
        await call.taken(wire.frame(wire.REQUEST, _padded(MIB - 8), serialization=wire.JSON))


@check("bounds.gzip-bomb", "6")
async def gzip_bomb(bench: Bench) -> None:
    """A body that inflates to 32 MiB is a BadFrame, on audio and on an event else good; the call goes on."""
    async with bench.dial() as call:
        await call.answered_by("BadFrame", wire.audio(wire.zipped(bytes(32 * MIB)), compression=wire.GZIP))
        bomb = wire.zipped(_padded(32 * MIB))
        await call.answered_by("BadFrame", wire.frame(wire.REQUEST, bomb, serialization=1, compression=wire.GZIP))
        await call.fenced()


@check("bounds.gzip-a-byte-too-much", "6")
async def gzip_a_byte_too_much(bench: Bench) -> None:
    """A body that inflates to 1 MiB and one byte is a BadFrame."""
    body = wire.zipped(_padded(MIB + 1))
    async with bench.dial() as call:
        await call.answered_by("BadFrame", wire.frame(wire.REQUEST, body, serialization=1, compression=wire.GZIP))


@check("bounds.gzip-just-small-enough", "6")
async def gzip_just_small_enough(bench: Bench) -> None:
    """A body that inflates to exactly 1 MiB is read; it shrinks to a quarter, as a bomb would not."""
    body = wire.zipped(_unevenly_padded(MIB))
    async with bench.dial() as call:
        await call.taken(wire.frame(wire.REQUEST, body, serialization=1, compression=wire.GZIP))


@check("bounds.audio-ahead", "6")
async def audio_ahead(bench: Bench) -> str:
    """Audio that runs more than 30 s ahead of real time is a BadFrame; what stays within them is taken; the call
    goes on.
    """
    second = wire.audio(bytes(1000 * wire.BYTES_PER_MS))
    began, sent = time.monotonic(), 0
    async with bench.dial() as call:
        while sent < AHEAD_S + GRACE_S + time.monotonic() - began:
            sent += 1
            if seen := [down for down in await call.fenced(second) if down.code == "BadFrame"]:
                if sent <= AHEAD_S:
                    raise Broken(f"refused at {sent} s", seen[0])
                return f"refused at {sent} s"
    raise Broken(f"{sent} s at once were taken")


@check("bounds.ten-bad-frames", "4")
async def ten_bad_frames(bench: Bench) -> None:
    """The tenth bad frame in a row is answered, too, and then the call is closed with 1008."""
    async with bench.dial() as call:
        await call.send(*[BAD_FRAME] * IN_A_ROW)
        code = await call.closed()
        answered = sum(down.code == "BadFrame" for down in call.frames)
        if (code, answered) != (1008, IN_A_ROW):
            raise Broken(f"{answered} were answered, and it was closed with {code}")


@check("bounds.nine-bad-frames", "4")
async def nine_bad_frames(bench: Bench) -> None:
    """Nine in a row leave the call alone, and a good frame begins the count anew, as often as one likes."""
    async with bench.dial() as call:
        for _ in range(3):
            for _ in range(IN_A_ROW - 1):
                await call.answered_by("BadFrame", BAD_FRAME)
            await call.send(wire.event("BotUpdateConfig"))
        await call.fenced()


@check("bounds.bad-event-is-no-bad-frame", "4")
async def bad_event_is_no_bad_frame(bench: Bench) -> None:
    """A BadEvent is a whole frame: it, too, begins the count of bad frames anew."""
    async with bench.dial() as call:
        for _ in range(3):
            for _ in range(IN_A_ROW - 1):
                await call.answered_by("BadFrame", BAD_FRAME)
            await call.answered_by("BadEvent", wire.event(UNKNOWN_EVENT))


@check("bounds.idle-timeout", "4", alone=True)
async def idle_timeout(bench: Bench) -> str:
    """When nothing was said for the configured time, IdleTimeout comes, and then close 1000; not before."""
    limit_s = bench.options.idle_timeout_s
    if limit_s is None:
        raise NotTried("needs --idle-timeout SECONDS, as the server has it")
    began = time.monotonic()
    async with bench.dial() as call:
        try:
            async with asyncio.timeout(limit_s + GRACE_S):
                error, code = (await call.until("BotError"))[-1], await call.closed()
        except TimeoutError as exc:
            raise Broken(f"nothing came within {limit_s + GRACE_S:g} s") from exc
    after_s = time.monotonic() - began
    if error.code != "IdleTimeout" or code != 1000:
        raise Broken(f"closed with {code}", error)
    if after_s < limit_s * 0.9:
        raise Broken(f"after {after_s:.1f} s already")
    return f"after {after_s:.1f} s"


@check("bounds.silence-is-idle", "4", alone=True)
async def silence_is_idle(bench: Bench) -> str:
    """A client that sends nothing but silence says nothing: it is timed out, too. If the server speaks into the
    silence, it does so in whole turns.
    """
    limit_s = bench.options.idle_timeout_s
    if limit_s is None:
        raise NotTried("needs --idle-timeout SECONDS, as the server has it")
    async with bench.dial() as call, call.speaking(b""):
        try:
            async with asyncio.timeout(limit_s + GRACE_S):
                *spoken, error = await call.until("BotError")
        except TimeoutError as exc:
            raise Broken(f"nothing came within {limit_s + GRACE_S:g} s") from exc
    if error.code != "IdleTimeout":
        raise Broken("something else came", error)
    if not re.fullmatch("((TTSSentenceStart audio )+TTSDone )*", "".join(f"{name} " for name in names(spoken))):
        raise Broken(f"before it came {', '.join(names(spoken))}", spoken[0])
    return "timed out, and spoken to before" if spoken else "timed out"


@check("bounds.max-calls", "4", alone=True)
async def max_calls(bench: Bench) -> str:
    """One call more than the server takes is answered with HTTP 503, a Retry-After, and a text that begins with
    Busy.
    """
    limit = bench.options.max_calls
    if limit is None:
        raise NotTried("needs --max-calls N, as the server has it")
    async with AsyncExitStack() as calls:
        for _ in range(limit):
            await calls.enter_async_context(bench.dial())
        status, retry_after, text = await bench.refused()
    if status != 503 or not retry_after.isdigit() or not text.startswith("Busy"):
        raise Broken(f"answered {status}, Retry-After {retry_after or 'missing'}, {text!r}")
    async with bench.dial():
        return f"call {limit + 1}: {status}, Retry-After {retry_after}"


@check("bounds.client-that-does-not-read", "6", alone=True)
async def client_that_does_not_read(bench: Bench) -> str:
    """Who reads nothing is hung up on, with 1011, once a write has been blocked for the configured time."""
    limit_s = bench.options.blocked_write_s
    if limit_s is None:
        raise NotTried("needs --blocked-write SECONDS, as the server has it")
    await bench.needs("UserText")
    async with bench.dial(audio_format="pcm") as call:
        call.stop_reading()
        await _ask_until_over(call, bench.options.timeout_s)
        await asyncio.sleep(limit_s + GRACE_S)
        call.go_on_reading()
        try:
            code = await call.closed()
        except Broken:
            if (came := sum(len(down.raw) for down in call.frames)) < ENOUGH_BYTES:
                raise NotTried(f"it had no more than {came} bytes to say, which block no write") from None
            raise
    if code not in (1011, 1006):
        raise Broken(f"closed with {code}")
    return f"closed with {code}"


async def _ask_until_over(call: Call, within_s: float) -> None:
    """Ask for long answers until what waits for the client is more than a socket holds, and it is hung up on."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not call.is_over:
                await call.tell("UserText", {"text": TELL_ME_MORE})
                await asyncio.sleep(ANSWER_S)
