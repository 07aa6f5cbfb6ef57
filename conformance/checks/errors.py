"""Group `errors`: what is wrong is answered with the right code, and changes nothing else."""

import base64
import json
from typing import Any

from conformance import wire
from conformance.bench import Bench
from conformance.call import UNKNOWN_EVENT
from conformance.verdict import Broken, NotTried, check

EVENT = wire.event_body(UNKNOWN_EVENT)
SECRETIVE = ("Traceback", 'File "', ".py", "Exception(")


async def _is_bad_frame(bench: Bench, *messages: bytes | str) -> None:
    async with bench.dial() as call:
        for message in messages:
            await call.answered_by("BadFrame", message)


async def _is_bad_event(bench: Bench, *contents: Any) -> None:
    async with bench.dial() as call:
        for content in contents:
            await call.answered_by("BadEvent", wire.frame(wire.REQUEST, json.dumps(content).encode(), serialization=1))


@check("errors.text-message", "4")
async def text_message(bench: Bench) -> None:
    """A text message is a BadFrame, even if it holds an event."""
    await _is_bad_frame(bench, EVENT.decode())


@check("errors.empty-message", "4")
async def empty_message(bench: Bench) -> None:
    """A message without a byte is a BadFrame."""
    await _is_bad_frame(bench, b"")


@check("errors.short-header", "4")
async def short_header(bench: Bench) -> None:
    """Messages of 1, 2 and 3 bytes are BadFrames."""
    await _is_bad_frame(bench, b"\x11", b"\x11\x20", b"\x11\x20\x00")


@check("errors.version", "1")
async def version(bench: Bench) -> None:
    """Protocol versions 0, 2 and 15 are BadFrames."""
    await _is_bad_frame(bench, *(wire.audio(b"\0\0", version=each) for each in (0, 2, 15)))


@check("errors.header-size-zero", "1")
async def header_size_zero(bench: Bench) -> None:
    """A header size of 0 is a BadFrame."""
    await _is_bad_frame(bench, wire.audio(b"\0\0", words=0))


@check("errors.header-too-long", "1")
async def header_too_long(bench: Bench) -> None:
    """A header that is longer than the message is a BadFrame."""
    await _is_bad_frame(bench, b"\x1f\x20\x00\x00" + bytes(12))


@check("errors.unknown-type", "4")
async def unknown_type(bench: Bench) -> None:
    """Message types that nobody has (0, 5, 15) are BadFrames."""
    await _is_bad_frame(bench, *(wire.frame(each, EVENT, serialization=1) for each in (0, 5, 15)))


@check("errors.type-of-the-server", "1")
async def type_of_the_server(bench: Bench) -> None:
    """The message types that only come down (9, 11) are BadFrames on the way up."""
    await _is_bad_frame(bench, *(wire.frame(each, EVENT, serialization=1) for each in (9, 11)))


@check("errors.unknown-compression", "1")
async def unknown_compression(bench: Bench) -> None:
    """A compression that nobody has is a BadFrame, on events and on audio."""
    await _is_bad_frame(
        bench, wire.frame(1, EVENT, serialization=1, compression=2), wire.audio(b"\0\0", compression=15)
    )


@check("errors.gzip-that-is-none", "4")
async def gzip_that_is_none(bench: Bench) -> None:
    """A body that says gzip and is not is a BadFrame, on events and on audio."""
    await _is_bad_frame(
        bench, wire.frame(1, EVENT, serialization=1, compression=1), wire.audio(bytes(64), compression=1)
    )


@check("errors.gzip-cut-short", "4")
async def gzip_cut_short(bench: Bench) -> None:
    """A gzip body that ends too early, or whose checksum is wrong, is a BadFrame."""
    whole = wire.zipped(EVENT)
    wrong = whole[:-8] + bytes(4) + whole[-4:]
    await _is_bad_frame(bench, *(wire.frame(1, each, serialization=1, compression=1) for each in (whole[:-9], wrong)))


@check("errors.json-that-is-none", "4")
async def json_that_is_none(bench: Bench) -> None:
    """Events that are no JSON, cut-off JSON and an empty body are BadFrames."""
    await _is_bad_frame(bench, *(wire.frame(1, each, serialization=1) for each in (b"hello", EVENT[:-1], b"")))


@check("errors.json-not-utf8", "2")
async def json_not_utf8(bench: Bench) -> None:
    """JSON that is not UTF-8 is a BadFrame."""
    await _is_bad_frame(bench, wire.frame(1, b'{"event":"\xff\xfe"}', serialization=1))


@check("errors.json-too-deep", "4")
async def json_too_deep(bench: Bench) -> str:
    """JSON of 100,000 nested lists is refused (BadFrame or BadEvent), and the call goes on."""
    deep = wire.frame(1, b'{"event":"BotUpdateConfig","payload":{"x":' + b"[" * 100_000, serialization=1)
    async with bench.dial() as call:
        await call.send(deep)
        error = (await call.until("BotError"))[-1]
        if error.code not in ("BadFrame", "BadEvent"):
            raise Broken("answered with something else", error)
        await call.fenced()
    return str(error.code)


@check("errors.size-that-does-not-fit", "1")
async def size_that_does_not_fit(bench: Bench) -> None:
    """A size that is not the number of bytes that follow makes the body bare, and JSON behind four such bytes a
    BadFrame.
    """
    await _is_bad_frame(bench, *(wire.frame(1, EVENT, serialization=1, size=len(EVENT) + off) for off in (-1, 1)))


@check("errors.not-an-object", "4")
async def not_an_object(bench: Bench) -> None:
    """JSON that is a list, a number, a text or null is a BadEvent."""
    await _is_bad_event(bench, [1], 7, "BotUpdateConfig", None)


@check("errors.unknown-event", "4")
async def unknown_event(bench: Bench) -> None:
    """An event that nobody has is a BadEvent."""
    await _is_bad_event(bench, {"event": UNKNOWN_EVENT, "payload": {}})


@check("errors.event-without-name", "4")
async def event_without_name(bench: Bench) -> None:
    """An event without a name, or whose name is no text, is a BadEvent."""
    await _is_bad_event(bench, {"payload": {}}, {"event": 7, "payload": {}}, {"event": None})


@check("errors.event-of-the-server", "4")
async def event_of_the_server(bench: Bench) -> None:
    """Events that only come down (TTSDone, BotReady) are BadEvents on the way up."""
    await _is_bad_event(bench, {"event": "TTSDone", "payload": {}}, {"event": "BotReady", "payload": {"session": "x"}})


@check("errors.payload-not-an-object", "4")
async def payload_not_an_object(bench: Bench) -> None:
    """A payload that is a list, a text or a number is a BadEvent."""
    wrong: tuple[Any, ...] = ([], "x", 7)
    await _is_bad_event(bench, *({"event": "BotUpdateConfig", "payload": each} for each in wrong))


@check("errors.speaker-not-a-text", "4")
async def speaker_not_a_text(bench: Bench) -> None:
    """A speaker that is a number or a list is a BadEvent."""
    await _is_bad_event(bench, *({"event": "BotUpdateConfig", "payload": {"speaker": each}} for each in (7, ["x"])))


@check("errors.event-names-are-exact", "4")
async def event_names_are_exact(bench: Bench) -> None:
    """Names count to the letter: botupdateconfig is a BadEvent."""
    await _is_bad_event(bench, {"event": "botupdateconfig", "payload": {}})


@check("errors.bad-events-do-not-hang-up", "4")
async def bad_events_do_not_hang_up(bench: Bench) -> None:
    """Fifteen BadEvents in a row leave the call alone."""
    async with bench.dial() as call:
        for _ in range(15):
            await call.answered_by("BadEvent", wire.event(UNKNOWN_EVENT))


@check("errors.one-answer-each", "4")
async def one_answer_each(bench: Bench) -> None:
    """Each bad message is answered with exactly one BotError, in order."""
    async with bench.dial() as call:
        await call.send(*[wire.event(UNKNOWN_EVENT), b"\x11"] * 4, EVENT.decode())
        expected = ["BadEvent", "BadFrame"] * 4 + ["BadFrame"]
        codes = [(await call.until("BotError"))[-1].code for _ in expected]
        if codes != expected or await call.fenced():
            raise Broken(f"answered with {', '.join(map(str, codes))}")


@check("errors.message-for-people", "4")
async def message_for_people(bench: Bench) -> str:
    """A BotError's message is a text for people: not empty, no stack trace, no file name of the server's."""
    async with bench.dial() as call:
        wrong = (b"", b"\x11", wire.frame(1, b"{", serialization=1), wire.audio(b"x", compression=1), "text")
        frames = [await call.answered_by("BadFrame", each) for each in wrong]
        frames.append(await call.answered_by("BadEvent", wire.event(UNKNOWN_EVENT)))
    for down in frames:
        message = down.payload["error"].get("message")
        if not isinstance(message, str) or not message or any(mark in message for mark in SECRETIVE):
            raise Broken(f"the message is {str(message)[:80]!r}", down)
    return f"{len(frames)} messages"


@check("errors.the-call-goes-on", "4")
async def the_call_goes_on(bench: Bench) -> None:
    """After a BadFrame and a BadEvent a turn works as ever."""
    async with bench.dial() as call:
        await call.answered_by("BadFrame", b"\x11")
        await call.answered_by("BadEvent", wire.event(UNKNOWN_EVENT))
        await bench.turn(call)


@check("errors.unauthorized", "4")
async def unauthorized(bench: Bench) -> str:
    """Where a token is wanted, a handshake without it or with a wrong one is answered 401, and the text begins with
    the code.
    """
    if not bench.options.token:
        raise NotTried("needs --token")
    tried: tuple[dict[str, str], ...] = ({}, {"Authorization": "Bearer certainly-not-it"})
    for headers in tried:
        status, _, text = await bench.refused(headers=headers)
        if status != 401 or not text.startswith("Unauthorized"):
            raise Broken(f"answered {status} {text!r}")
    return text.strip()


@check("errors.token-by-subprotocol", "4")
async def token_by_subprotocol(bench: Bench) -> None:
    """A browser's way: subprotocols `lvc` and `token.` + the token in URL-safe base64, answered with `lvc`."""
    if not bench.options.token:
        raise NotTried("needs --token")
    encoded = base64.urlsafe_b64encode(bench.options.token.encode()).decode().rstrip("=")
    async with bench.dial(headers={}, subprotocols=("lvc", f"token.{encoded}")) as call:
        if call.socket.subprotocol != "lvc":
            raise Broken(f"answered with subprotocol {call.socket.subprotocol}")
