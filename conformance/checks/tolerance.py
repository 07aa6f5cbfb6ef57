"""Group `tolerance`: what real clients send is understood, however it is wrapped.

That an event was read is proved with one that nobody knows: BadEvent says that it was read, BadFrame that it was not.
"""

from typing import Any

from conformance import wire
from conformance.bench import Bench
from conformance.call import UNKNOWN_EVENT
from conformance.likeness import alike
from conformance.verdict import Broken, check

TONE = (b"\x00\x02" + b"\x00\xfe") * 800
"""100 ms that no one takes for speech, in samples that cannot be taken for a frame."""


async def _event_is_read(bench: Bench, message: bytes) -> None:
    async with bench.dial() as call:
        await call.answered_by("BadEvent", message)


async def _audio_is_taken(bench: Bench, *messages: bytes) -> None:
    async with bench.dial() as call:
        await call.taken(*messages)


def _probe(**layout: Any) -> bytes:
    return wire.event(UNKNOWN_EVENT, **layout)


def _zipped_probe(**layout: Any) -> bytes:
    body = wire.zipped(wire.event_body(UNKNOWN_EVENT))
    return wire.frame(wire.REQUEST, body, serialization=wire.JSON, compression=wire.GZIP, **layout)


@check("tolerance.event-sized", "1")
async def event_sized(bench: Bench) -> None:
    """An event whose body begins with its size is read."""
    await _event_is_read(bench, _probe())


@check("tolerance.event-bare", "1")
async def event_bare(bench: Bench) -> None:
    """An event whose body has no size is read."""
    await _event_is_read(bench, _probe(sized=False))


@check("tolerance.event-long-header", "1")
async def event_long_header(bench: Bench) -> None:
    """A header of 2 words: the extra word is skipped, and the event is read."""
    await _event_is_read(bench, _probe(words=2))


@check("tolerance.event-longest-header", "1")
async def event_longest_header(bench: Bench) -> None:
    """A header of 15 words, in front of a bare body: the extra words are skipped, and the event is read."""
    await _event_is_read(bench, _probe(words=15, sized=False))


@check("tolerance.event-gzip-sized", "1")
async def event_gzip_sized(bench: Bench) -> None:
    """A gzip event with its size, that of the compressed payload, is read."""
    await _event_is_read(bench, _zipped_probe())


@check("tolerance.event-gzip-bare", "1")
async def event_gzip_bare(bench: Bench) -> None:
    """A gzip event without a size is read."""
    await _event_is_read(bench, _zipped_probe(sized=False))


@check("tolerance.event-whitespace", "2")
async def event_whitespace(bench: Bench) -> None:
    """JSON with white space around and in it is read."""
    body = b' \n{ "event" : "%s" ,\t"payload" : { } }\r\n' % UNKNOWN_EVENT.encode()
    await _event_is_read(bench, wire.frame(wire.REQUEST, body, serialization=wire.JSON))


@check("tolerance.audio-sized", "1")
async def audio_sized(bench: Bench) -> None:
    """Audio with its size is taken."""
    await _audio_is_taken(bench, wire.audio(TONE))


@check("tolerance.audio-bare", "1")
async def audio_bare(bench: Bench) -> None:
    """Audio without a size is taken."""
    await _audio_is_taken(bench, wire.audio(TONE, sized=False))


@check("tolerance.audio-empty", "1")
async def audio_empty(bench: Bench) -> None:
    """Audio frames with no sample in them, sized and bare, are taken."""
    await _audio_is_taken(bench, wire.audio(b""), wire.audio(b"", sized=False))


@check("tolerance.audio-serialization", "1")
async def audio_serialization(bench: Bench) -> None:
    """The serialization nibble of an audio frame is ignored: none, JSON, and one that nobody has."""
    await _audio_is_taken(bench, *(wire.audio(TONE, serialization=each) for each in (0, 1, 0xF)))


@check("tolerance.audio-long-header", "1")
async def audio_long_header(bench: Bench) -> None:
    """Audio behind a header of 3 words is taken."""
    await _audio_is_taken(bench, wire.audio(TONE, words=3))


@check("tolerance.audio-gzip", "1")
async def audio_gzip(bench: Bench) -> None:
    """Audio that is compressed with gzip is taken, sized and bare."""
    body = wire.zipped(TONE)
    await _audio_is_taken(
        bench, wire.audio(body, compression=wire.GZIP), wire.audio(body, compression=wire.GZIP, sized=False)
    )


@check("tolerance.audio-wrapped-twice", "1")
async def audio_wrapped_twice(bench: Bench) -> None:
    """Audio in a frame in a frame, as a web client in the field sends it, is taken."""
    await _audio_is_taken(bench, wire.audio(wire.audio(TONE), serialization=wire.JSON))


@check("tolerance.audio-odd", "1")
async def audio_odd(bench: Bench) -> None:
    """Audio that is cut between the two bytes of a sample is taken."""
    await _audio_is_taken(bench, wire.audio(TONE[:1601]), wire.audio(TONE[1601:]))


@check("tolerance.heard-in-any-wrapping", "1")
async def heard_in_any_wrapping(bench: Bench) -> str:
    """Speech that is cut into odd pieces, each wrapped differently, is recognised as the same speech sent plainly."""

    async def heard(*messages: bytes) -> str:
        async with bench.dial() as call:
            await call.send(*messages)
            async with call.speaking(b""):
                return str((await call.until("SentenceRecognized"))[-1].payload.get("sentence"))

    plainly = await heard(*(wire.audio(piece) for piece in _pieces(bench.speech, 3200)))
    oddly = await heard(*(_wrapped(at, piece) for at, piece in enumerate(_pieces(bench.speech, 3201))))
    if not alike(plainly, oddly):
        raise Broken(f"heard {oddly!r} instead of {plainly!r}")
    return repr(plainly)


def _pieces(pcm: bytes, step: int) -> list[bytes]:
    return [pcm[at : at + step] for at in range(0, len(pcm), step)]


def _wrapped(number: int, piece: bytes) -> bytes:
    match number % 4:
        case 0:
            return wire.audio(wire.audio(piece), serialization=wire.JSON)
        case 1:
            return wire.audio(piece, sized=False, words=2)
        case 2:
            return wire.audio(wire.zipped(piece), compression=wire.GZIP)
        case _:
            return wire.audio(piece)
