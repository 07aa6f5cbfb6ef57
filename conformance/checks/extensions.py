"""Group `extensions`: section 5, as far as the server offers it, and nothing of it unasked."""

import time
from typing import Any

from conformance import mp3, wire
from conformance.bench import Bench
from conformance.call import Call, names
from conformance.verdict import Broken, NotTried, check
from conformance.wire import Down

WRONG: dict[str, tuple[object, ...]] = {
    "delivery": ("fast", 1, True, None),
    "audio_format": ("wav", 1, None),
    "sample_rate": (44_100, "24000", 24_000.5, True),
    "barge_in": ("true", 1, None),
    "turn_ids": ("true", 0, None),
    "events": ("TurnMetrics", [1], ["Everything"], {}),
    "persona": (7, "", "nobody-of-this-name"),
}
QUERY_WRONG = {"delivery": "fast", "audio_format": "wav", "sample_rate": "44100", "barge_in": "perhaps", "events": "X"}
METRICS = ("endpoint", "asr_final", "llm_first_token", "tts_first_byte", "first_audio", "done")


def _sound(frames: list[Down]) -> list[bytes]:
    return [down.body or b"" for down in frames if down.is_audio]


def _position(seen: list[Down], name: str) -> int:
    told = names(seen)
    return told.index(name) if name in told else -1


async def _configured(bench: Bench, text: str | None = None, **query: str) -> list[Down]:
    async with bench.dial(query=query) as call:
        seen = await (bench.turn(call) if text is None else bench.turn(call, text))
        await call.fenced()
        return seen


def _wrong(key: str) -> Any:
    async def refused(bench: Bench) -> str:
        await bench.needs(key)
        async with bench.dial() as call:
            for value in WRONG[key]:
                await call.answered_by("BadEvent", wire.event("BotUpdateConfig", {key: value}))
        return f"{len(WRONG[key])} wrong values"

    refused.__doc__ = f"A wrong value of `{key}` in BotUpdateConfig is a BadEvent: {', '.join(map(repr, WRONG[key]))}."
    return refused


for _key in WRONG:
    check(f"extensions.wrong-{_key.replace('_', '-')}", "5")(_wrong(_key))


@check("extensions.wrong-in-the-address", "4")
async def wrong_in_the_address(bench: Bench) -> str:
    """A parameter of the address with a wrong value is a BadEvent after BotReady, and is ignored otherwise."""
    tried = [key for key in QUERY_WRONG if await bench.offers(key)]
    await bench.needs(*(tried or ["delivery"]))
    for key in tried:
        async with bench.dial(query={key: QUERY_WRONG[key]}) as call:
            error = (await call.until("BotError"))[-1]
            if error.code != "BadEvent":
                raise Broken(f"{key}={QUERY_WRONG[key]}", error)
    return ", ".join(tried)


@check("extensions.a-wrong-value-changes-nothing", "5")
async def a_wrong_value_changes_nothing(bench: Bench) -> None:
    """Where one key of a BotUpdateConfig is wrong, none of it takes effect."""
    await bench.needs("turn_ids", "delivery")
    async with bench.dial() as call:
        await call.answered_by("BadEvent", wire.event("BotUpdateConfig", {"turn_ids": True, "delivery": "fast"}))
        if numbered := [down for down in await bench.turn(call) if down.flags]:
            raise Broken("turn_ids took effect", numbered[0])


# --- typing


@check("extensions.user-text", "5")
async def user_text(bench: Bench) -> str:
    """UserText is handled as if it had been recognised: SentenceRecognized with that text, and a reply."""
    await bench.needs("UserText")
    async with bench.dial() as call:
        seen = await bench.turn(call, "二十一只羊")
    if seen[0].payload != {"sentence": "二十一只羊"} or not _sound(seen):
        raise Broken(f"got {', '.join(names(seen))}", seen[0])
    return ", ".join(names(seen))


@check("extensions.user-text-of-wrong-shape", "5")
async def user_text_of_wrong_shape(bench: Bench) -> None:
    """UserText without text, with none but white space, or with something else is a BadEvent."""
    await bench.needs("UserText")
    async with bench.dial() as call:
        for payload in ({}, {"text": ""}, {"text": " \n"}, {"text": 7}, {"text": ["x"]}):
            await call.answered_by("BadEvent", wire.event("UserText", payload))


@check("extensions.user-text-too-long", "5")
async def user_text_too_long(bench: Bench) -> None:
    """UserText of more than 4000 characters is a BadEvent; they are counted, not the bytes."""
    await bench.needs("UserText")
    async with bench.dial() as call:
        await call.answered_by("BadEvent", wire.event("UserText", {"text": "字" * 4001}))
        await call.tell("UserText", {"text": "字" * 4000})
        await call.until("SentenceRecognized")


@check("extensions.user-text-in-process", "5")
async def user_text_in_process(bench: Bench) -> str:
    """UserText while InProcess cuts the reply off first: TTSDone, then SentenceRecognized of the new text, then its
    own TTSDone.
    """
    await bench.needs("UserText")

    async def interrupt(call: Call) -> Call:
        await call.tell("UserText", {"text": "等等"})
        return call

    async with bench.dial() as call:
        seen = await bench.begin_turn(call)
        await interrupt(call)
        seen += await call.until(
            lambda down: down.payload.get("sentence") == "等等" and down.name != "TTSSentenceStart"
        )
        seen += await call.until("TTSDone")
        await call.fenced()
    marks = [name for name in names(seen) if name in ("SentenceRecognized", "TTSDone")]
    if marks != ["SentenceRecognized", "TTSDone"] * 2:
        raise Broken(f"got {', '.join(marks)}")
    return ", ".join(marks)


# --- interrupting


@check("extensions.interrupt", "5")
async def interrupt(bench: Bench) -> str:
    """BotInterrupt while InProcess is answered with one TTSDone, and no sound of the reply comes after it."""
    await bench.needs("BotInterrupt")
    _, seen, after = await bench.in_process(lambda call: call.tell("BotInterrupt"))
    if names(seen).count("TTSDone") != 1 or after:
        raise Broken(f"got {', '.join(names(seen + after))}", after[0] if after else None)
    return ", ".join(names(seen))


@check("extensions.interrupt-stops-the-reply", "5")
async def interrupt_stops_the_reply(bench: Bench) -> str:
    """After BotInterrupt less is said than without it would have been, or the turn is over at once."""
    await bench.needs("BotInterrupt")
    whole = len(_sound(await bench.plain()))
    async with bench.dial() as call:
        await bench.begin_turn(call)
        await call.tell("BotInterrupt")
        await call.round_trip()
        over = any(down.name == "TTSDone" for down in call.unread())
        cut = len(_sound(await call.until("TTSDone")))
    if not over and whole and cut >= whole:
        raise Broken(f"{cut} audio frames came all the same, of {whole}")
    return f"{cut} audio frames instead of {whole}"


@check("extensions.interrupt-while-idle", "5")
async def interrupt_while_idle(bench: Bench) -> None:
    """BotInterrupt while Idle does nothing: no TTSDone, no error."""
    await bench.needs("BotInterrupt")
    async with bench.dial() as call:
        if seen := await call.fenced(wire.event("BotInterrupt")):
            raise Broken(f"got {', '.join(names(seen))}", seen[0])


@check("extensions.interrupted-when-asked", "5")
async def interrupted_when_asked(bench: Bench) -> str:
    """A client that asked for BotInterrupted is told what had been sent of the reply, before TTSDone."""
    await bench.needs("BotInterrupt", "events")
    _, seen, _ = await bench.in_process(lambda call: call.tell("BotInterrupt"), events="BotInterrupted")
    told = [down for down in seen if down.name == "BotInterrupted"]
    if len(told) != 1 or not isinstance(told[0].payload.get("spoken"), str):
        raise Broken(f"got {', '.join(names(seen))}", told[0] if told else None)
    return f"spoken: {told[0].payload['spoken']!r}"


@check("extensions.not-interrupted-unasked", "5")
async def not_interrupted_unasked(bench: Bench) -> None:
    """A client that did not ask for it gets no BotInterrupted."""
    await bench.needs("BotInterrupt")
    async with bench.dial() as call:
        await bench.begin_turn(call)
        await call.tell("BotInterrupt")
        for down in await call.until("TTSDone"):
            if down.name == "BotInterrupted":
                raise Broken("it came unasked", down)


@check("extensions.barge-in", "5")
async def barge_in(bench: Bench) -> str:
    """With `barge_in` speech cuts the reply off: BotInterrupted, TTSDone, and the words heard start the next turn."""
    await bench.needs("barge_in", "delivery")
    async with bench.dial(barge_in="true", delivery="stream") as call:
        await bench.begin_turn(call, TEXT_FOR_A_LONG_REPLY)
        began = time.monotonic()
        async with call.speaking(bench.speech):
            seen = await call.until("TTSDone")
            lasted_s = time.monotonic() - began
            if "BotInterrupted" not in names(seen) and lasted_s < 2 * bench.speech_s / bench.options.pace:
                raise NotTried("the reply is over too soon to speak over it")
            seen += await call.until("TTSDone")
    marks = [name for name in names(seen) if name not in ("audio", "TTSSentenceStart")]
    if marks != ["BotInterrupted", "TTSDone", "SentenceRecognized", "TTSDone"]:
        raise Broken(f"got {', '.join(marks)}")
    return f"after {lasted_s:.1f} s"


TEXT_FOR_A_LONG_REPLY = "请你慢慢地给我讲一个很长很长的故事，讲一只小猫怎样走遍世界，好不好？" * 3


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
    times = [told[0].payload[key] for key in METRICS if key in told[0].payload]
    if (
        not all(isinstance(ms, int | float) and not isinstance(ms, bool) for ms in times)
        or "done" not in told[0].payload
    ):
        raise Broken(f"the payload is {told[0].payload}", told[0])
    if times[2:] != sorted(times[2:]):
        raise Broken(f"the times are {times}", told[0])
    return str({key: told[0].payload[key] for key in METRICS if key in told[0].payload})


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
