"""Group `extensions`: section 5, as far as the server offers it, and nothing of it unasked."""

import time
from typing import Any

from conformance import wire
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
    "speech_rate": (0, 0.4, 2.1, "1.2", True),
    "volume": (0, 0.4, 2.1, "1.2", True),
    "emotion": (7, "", "two words", ["happy"]),
}
QUERY_WRONG = {"delivery": "fast", "audio_format": "wav", "sample_rate": "44100", "barge_in": "perhaps", "events": "X"}


def _sound(frames: list[Down]) -> list[bytes]:
    return [down.body or b"" for down in frames if down.is_audio]


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
