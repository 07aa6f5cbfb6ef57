"""Group `extensions`, the other half: sound as it was asked for, turn numbers, and more events."""

from conformance import mp3, wire
from conformance.bench import Bench
from conformance.call import names
from conformance.verdict import Broken, check
from conformance.wire import Down

METRICS = ("llm_first_token", "tts_first_byte", "first_audio", "done")


def _sound(frames: list[Down]) -> list[bytes]:
    return [down.body or b"" for down in frames if down.is_audio]


def _position(seen: list[Down], name: str) -> int:
    told = names(seen)
    return told.index(name) if name in told else -1


async def _configured(bench: Bench, **query: str) -> list[Down]:
    async with bench.dial(query=query) as call:
        seen = await bench.turn(call)
        await call.fenced()
        return seen


# --- sound


@check("extensions.stream", "5")
async def stream(bench: Bench) -> str:
    """With `delivery=stream` each sentence has one or more audio frames, none of them empty, and the order is kept."""
    await bench.needs("delivery")
    seen = await _configured(bench, delivery="stream")
    told = names(seen)
    if "audio" not in told or told.index("audio") < _position(seen, "TTSSentenceStart") or not all(_sound(seen)):
        raise Broken(f"got {', '.join(told)}")
    for one, two in zip(told, [*told[1:], ""], strict=True):
        if one == "TTSSentenceStart" and two != "audio":
            raise Broken(f"a sentence without audio: {', '.join(told)}")
    return f"{told.count('audio')} audio frames, {told.count('TTSSentenceStart')} sentences"


@check("extensions.stream-from-the-next-turn", "5")
async def stream_from_the_next_turn(bench: Bench) -> str:
    """What BotUpdateConfig asks for while InProcess takes effect with the next turn, not before."""
    await bench.needs("audio_format")
    async with bench.dial(audio_format="mp3") as call:
        seen = await bench.begin_turn(call)
        await call.tell("BotUpdateConfig", {"audio_format": "opus"})
        seen += await call.until("TTSDone")
        after = await bench.turn(call)
    now, then = _sound(seen), _sound(after)
    if any(each.startswith(b"OggS") for each in now) or not then or not then[0].startswith(b"OggS"):
        raise Broken(f"{wire.hexed(now[0])} before, {wire.hexed(then[0] if then else b'')} after")
    return "mp3, then opus"


@check("extensions.pcm", "5")
async def pcm(bench: Bench) -> str:
    """`audio_format=pcm` gives samples of 16 bits without a container: an even number of bytes, no WAV or MP3
    header.
    """
    await bench.needs("audio_format")
    sound = _sound(await _configured(bench, audio_format="pcm"))
    for each in sound:
        if len(each) % 2 or each.startswith((b"RIFF", b"ID3", b"OggS", b"\xff\xf3", b"\xff\xfb")):
            raise Broken(f"{len(each)} bytes", each)
    return f"{sum(map(len, sound))} bytes"


@check("extensions.pcm-streamed", "5")
async def pcm_streamed(bench: Bench) -> str:
    """Streamed PCM is cut between samples: every frame has an even number of bytes."""
    await bench.needs("audio_format", "delivery")
    sound = _sound(await _configured(bench, audio_format="pcm", delivery="stream"))
    if odd := [each for each in sound if len(each) % 2]:
        raise Broken(f"{len(odd[0])} bytes", odd[0])
    return f"{len(sound)} audio frames"


@check("extensions.opus", "5")
async def opus(bench: Bench) -> str:
    """`audio_format=opus` gives Ogg Opus: each sentence's audio is an Ogg stream with an Opus head."""
    await bench.needs("audio_format")
    sound = _sound(await _configured(bench, audio_format="opus"))
    if not sound:
        raise Broken("no audio came")
    for each in sound:
        if not each.startswith(b"OggS") or b"OpusHead" not in each[:128]:
            raise Broken("no Ogg Opus", each)
    return f"{len(sound)} files"


@check("extensions.sample-rate", "5")
async def sample_rate(bench: Bench) -> str:
    """`sample_rate` is that of the MP3 sent down: 16000, and 48000."""
    await bench.needs("sample_rate")
    for rate_hz in (16_000, 48_000):
        for each in _sound(await _configured(bench, sample_rate=str(rate_hz), audio_format="mp3")):
            try:
                found = mp3.read(each).rate_hz
            except mp3.NotMp3 as exc:
                raise Broken(f"no MP3, {exc}", each) from exc
            if found != rate_hz:
                raise Broken(f"{found} Hz instead of {rate_hz}", each)
    return "16000, 48000"


# --- turn numbers


@check("extensions.turn-ids-on-every-frame", "5")
async def turn_ids_on_every_frame(bench: Bench) -> str:
    """With `turn_ids` every frame down carries flags 1 and a number, and its size still fits."""
    frames = await _numbered(bench)
    for down in frames:
        if down.flags != 1 or down.turn is None or down.body is None:
            raise Broken("no turn number, or a size that does not fit", down)
    return f"{len(frames)} frames"


@check("extensions.turn-ids-count", "5")
async def turn_ids_count(bench: Bench) -> str:
    """The first turn is number 1, the second 2; its SentenceRecognized, audio and TTSDone all say so."""
    turn, expected = 0, []
    frames = [down for down in await _numbered(bench) if down.name in ("SentenceRecognized", "audio", "TTSDone")]
    for down in frames:
        turn += down.name == "SentenceRecognized"
        expected.append(turn)
        if down.turn != turn:
            raise Broken(f"number {down.turn} in turn {turn}", down)
    return ", ".join(map(str, sorted(set(expected))))


@check("extensions.turn-ids-outside-of-turns", "5")
async def turn_ids_outside_of_turns(bench: Bench) -> None:
    """Frames outside of turns (BotReady, a BotError while Idle) carry number 0."""
    for down in await _numbered(bench):
        if (down.name == "BotReady" or down.code == "BadEvent") and down.turn != 0:
            raise Broken(f"number {down.turn}", down)


async def _numbered(bench: Bench) -> list[Down]:
    await bench.needs("turn_ids")

    async def experiment() -> list[Down]:
        async with bench.dial(turn_ids="true") as call:
            await bench.turn(call)
            await call.fenced()
            await bench.turn(call)
            return list(call.frames)

    return await bench.once("numbered", experiment)


# --- more events


@check("extensions.partials-when-asked", "5")
async def partials_when_asked(bench: Bench) -> str:
    """SentencePartial, for who asked for it, holds a text, and comes before the SentenceRecognized of its utterance."""
    await bench.needs("events")
    async with bench.dial(events="SentencePartial") as call:
        seen = await bench.spoken_turn(call)
    partials = [down for down in seen[: _position(seen, "SentenceRecognized")] if down.name == "SentencePartial"]
    if not partials or not all(isinstance(down.payload.get("sentence"), str) for down in partials):
        raise Broken(f"got {', '.join(names(seen))}")
    return f"{len(partials)} of them"


@check("extensions.no-partials-unasked", "5")
async def no_partials_unasked(bench: Bench) -> None:
    """Who did not ask for it gets no SentencePartial for speech."""
    async with bench.dial() as call:
        for down in await bench.spoken_turn(call):
            if down.name == "SentencePartial":
                raise Broken("it came unasked", down)


@check("extensions.metrics-when-asked", "5")
async def metrics_when_asked(bench: Bench) -> str:
    """One TurnMetrics comes for a turn, with times in ms that are numbers, in the order in which things happen."""
    await bench.needs("events")
    async with bench.dial(events="TurnMetrics") as call:
        await bench.turn(call)
        await call.fenced()
        told = [down for down in call.frames if down.name == "TurnMetrics"]
    if len(told) != 1:
        raise Broken(f"{len(told)} came")
    times = {key: told[0].payload[key] for key in METRICS if key in told[0].payload}
    if "done" not in times or not all(type(ms) in (int, float) for ms in times.values()):
        raise Broken(f"the payload is {told[0].payload}", told[0])
    if list(times.values()) != sorted(times.values()):
        raise Broken(f"the times are {times}", told[0])
    return str(times)


@check("extensions.playback-position", "5")
async def playback_position(bench: Bench) -> None:
    """PlaybackPosition of a turn, also of one that there never was, is taken without an answer."""
    await bench.needs("PlaybackPosition")
    async with bench.dial() as call:
        for turn in (1, 999):
            await call.taken(wire.event("PlaybackPosition", {"turn": turn, "played_ms": 100}))


@check("extensions.playback-position-of-wrong-shape", "5")
async def playback_position_of_wrong_shape(bench: Bench) -> None:
    """PlaybackPosition without its numbers, or with a negative one, a text or a fraction, is a BadEvent."""
    await bench.needs("PlaybackPosition")
    wrong: tuple[dict[str, object], ...] = ({}, {"turn": 1}, {"played_ms": 1}, {"turn": 1, "played_ms": -1})
    wrong += ({"turn": "1", "played_ms": 1}, {"turn": 1, "played_ms": 1.5}, {"turn": True, "played_ms": 1})
    async with bench.dial() as call:
        for payload in wrong:
            await call.answered_by("BadEvent", wire.event("PlaybackPosition", payload))
