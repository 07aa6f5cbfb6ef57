"""Group `frames`: what comes down is laid out as section 1 says, and the golden frames mean what they mean."""

import json
from collections.abc import Callable
from typing import Any, Final

from conformance import wire
from conformance.bench import DATA, Bench
from conformance.verdict import Broken, check
from conformance.wire import Down

MP3_SYNC: Final = b"\xff"


async def _each(bench: Bench, rule: Callable[[Down], bool], says: str, only: str = "") -> str:
    """Every frame of the plain call has to keep the rule; `only` is `event` or `audio`."""
    kinds: dict[str, Callable[[Down], bool]] = {"": lambda _: True, "event": _is_event, "audio": _is_audio}
    frames = [down for down in await bench.plain() if kinds[only](down)]
    if not frames:
        raise Broken(f"no {only} frame came")
    for down in frames:
        if not rule(down):
            raise Broken(says, down)
    return f"{len(frames)} frames"


def _is_event(down: Down) -> bool:
    return down.is_event


def _is_audio(down: Down) -> bool:
    return down.is_audio


@check("frames.binary", "1")
async def binary(bench: Bench) -> str:
    """Every message down is a binary WebSocket message."""
    return await _each(bench, lambda down: isinstance(down.raw, bytes), "a text message came down")


@check("frames.whole-header", "1")
async def whole_header(bench: Bench) -> str:
    """Every message down has at least the four bytes of a header."""
    return await _each(bench, lambda down: len(down.raw) >= 4, "shorter than a header")


@check("frames.version", "1")
async def version(bench: Bench) -> str:
    """The protocol version of every frame down is 1."""
    return await _each(bench, lambda down: down.header[0] >> 4 == 1, "the version is not 1")


@check("frames.header-size", "1")
async def header_size(bench: Bench) -> str:
    """The header size of every frame down is 1 word."""
    return await _each(bench, lambda down: down.header[0] & 0xF == 1, "the header size is not 1")


@check("frames.types", "1")
async def types(bench: Bench) -> str:
    """Only full server responses (9) and audio only responses (11) come down."""
    return await _each(bench, lambda down: down.is_event or down.is_audio, "a type that does not come down")


@check("frames.flags", "1")
async def flags(bench: Bench) -> str:
    """The flags of every frame down are 0 for a client that did not ask for turn numbers."""
    return await _each(bench, lambda down: down.flags == 0, "the flags are not 0")


@check("frames.reserved", "1")
async def reserved(bench: Bench) -> str:
    """The reserved byte of every frame down is 0."""
    return await _each(bench, lambda down: down.header[3] == 0, "the reserved byte is not 0")


@check("frames.event-serialization", "1")
async def event_serialization(bench: Bench) -> str:
    """Events come down with serialization JSON."""
    return await _each(bench, lambda down: down.header[2] >> 4 == wire.JSON, "the serialization is not JSON", "event")


@check("frames.audio-serialization", "1")
async def audio_serialization(bench: Bench) -> str:
    """Audio comes down with serialization none."""
    return await _each(bench, lambda down: down.header[2] >> 4 == wire.NONE, "the serialization is not none", "audio")


@check("frames.event-uncompressed", "1")
async def event_uncompressed(bench: Bench) -> str:
    """Events come down uncompressed, and say so."""
    return await _each(bench, lambda down: down.header[2] & 0xF == wire.NONE, "the compression is not none", "event")


@check("frames.audio-uncompressed", "1")
async def audio_uncompressed(bench: Bench) -> str:
    """Audio comes down uncompressed, and says so."""
    return await _each(bench, lambda down: down.header[2] & 0xF == wire.NONE, "the compression is not none", "audio")


@check("frames.sized", "1")
async def sized(bench: Bench) -> str:
    """Bodies down are sized by default, and the size is that of the payload."""
    return await _each(bench, lambda down: down.body is not None, "the size is not that of what follows it")


@check("frames.event-json", "1")
async def event_json(bench: Bench) -> str:
    """The body of every event down is one JSON object in UTF-8."""
    return await _each(bench, lambda down: down.content is not None and _is_utf8(down), "no JSON object", "event")


def _is_utf8(down: Down) -> bool:
    try:
        (down.body or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@check("frames.bare-events", "1")
async def bare_events(bench: Bench) -> str:
    """With `?framing=bare` the JSON of an event begins right after the header."""
    frames = [down for down in await bench.bare() if down.is_event]
    for down in frames:
        if down.content is None:
            raise Broken("no JSON after the header", down)
    return f"{len(frames)} events"


@check("frames.bare-audio", "1")
async def bare_audio(bench: Bench) -> str:
    """With `?framing=bare` the sound begins right after the header."""
    frames = [down for down in await bench.bare() if down.is_audio]
    for down in frames:
        if not (down.body or b"").startswith((MP3_SYNC, b"ID3")):
            raise Broken("no MP3 after the header", down)
    if not frames:
        raise Broken("no audio frame came")
    return f"{len(frames)} audio frames"


@check("frames.golden-good", "1")
async def golden_good(bench: Bench) -> str:
    """Each good frame of the golden-frame file is taken without complaint (frames of extensions only where offered)."""
    tried = 0
    async with bench.dial() as call:
        for each in golden("up"):
            if "error" in each or not await _is_offered(bench, each):
                continue
            tried += 1
            try:
                await call.taken(bytes.fromhex(each["hex"]))
            except Broken as exc:
                raise Broken(f"{each['name']}: {exc}") from exc
    return f"{tried} frames"


@check("frames.golden-bad", "4")
async def golden_bad(bench: Bench) -> str:
    """Each bad frame of the golden-frame file is answered with the BotError that the file names."""
    tried = 0
    async with bench.dial() as call:
        for each in golden("up"):
            if "error" not in each or not await _is_offered(bench, each):
                continue
            tried += 1
            try:
                await call.answered_by(each["error"], bytes.fromhex(each["hex"]))
            except Broken as exc:
                raise Broken(f"{each['name']}: {exc}") from exc
            await call.send(wire.event("BotUpdateConfig"))  # so that ten in a row never come together
    return f"{tried} frames"


def golden(direction: str) -> list[dict[str, Any]]:
    """The golden frames that travel this way."""
    content = json.loads((DATA / "frames.json").read_text(encoding="utf-8"))
    return [each for each in content["frames"] if each["direction"] == direction]


async def _is_offered(bench: Bench, each: dict[str, Any]) -> bool:
    """Frames of extensions that the server does without prove nothing."""
    try:
        content = json.loads(_json_of(bytes.fromhex(each["hex"])))
    except ValueError:
        meant = each.get("meaning") or {}
        content = {"event": meant.get("event"), "payload": meant.get("payload")}
    if not isinstance(content, dict):
        return True
    name, payload = content.get("event"), content.get("payload")
    if name in ("UserText", "BotInterrupt", "PlaybackPosition"):
        return await bench.offers(name)
    keys = set(payload) - {"speaker"} if name == "BotUpdateConfig" and isinstance(payload, dict) else set()
    return all([await bench.offers(key) for key in keys])


def _json_of(raw: bytes) -> bytes:
    return raw[raw.index(b"{") :] if b"{" in raw else b""
