"""Group `states`: Idle and InProcess, and which of them listens."""

import asyncio

from conformance import wire
from conformance.bench import Bench
from conformance.call import BAD_FRAME, Call, names
from conformance.likeness import alike
from conformance.verdict import Broken, NotTried, check
from conformance.wire import Down

SILENCE_MS = 3000


@check("states.silence-says-nothing", "3")
async def silence_says_nothing(bench: Bench) -> None:
    """Three seconds of silence begin no turn."""
    async with bench.dial() as call:
        seen = await call.fenced(*[wire.audio(bytes(3200))] * (SILENCE_MS // 100))
        await asyncio.sleep(0.3)
        seen += await call.fenced()
        if seen:
            raise Broken(f"got {', '.join(names(seen))}", seen[0])


@check("states.speech-is-recognized", "3")
async def speech_is_recognized(bench: Bench) -> str:
    """Speech, and silence after it, is answered with SentenceRecognized and in the end TTSDone."""
    async with bench.dial() as call:
        seen = await bench.spoken_turn(call)
        heard = [down for down in seen if down.name == "SentenceRecognized"]
        if len(heard) != 1:
            raise Broken(f"one utterance was recognised {len(heard)} times: {', '.join(names(seen))}")
        return str(heard[0].payload.get("sentence"))


@check("states.early-audio-is-kept", "3")
async def early_audio_is_kept(bench: Bench) -> str:
    """Audio that arrives before BotReady is kept, up to one second of it: speech that begins there is heard whole."""
    async with bench.dial() as call:
        plainly = _heard(await bench.spoken_turn(call))
    async with bench.dial(ready=False) as call:
        early = bench.speech[: 1000 * wire.BYTES_PER_MS]
        await call.send(wire.audio(early))
        await call.until("BotReady")
        heard = _heard(await bench.spoken_turn(call, bench.speech[len(early) :]))
    if not alike(plainly, heard):
        raise Broken(f"heard {heard!r} instead of {plainly!r}")
    return repr(heard)


def _heard(turn: list[Down]) -> str:
    return "".join(str(down.payload.get("sentence")) for down in turn if down.name == "SentenceRecognized")


@check("states.done-once", "3")
async def done_once(bench: Bench) -> None:
    """One SentenceRecognized has exactly one TTSDone."""
    seen = names(await bench.plain())
    if (seen.count("SentenceRecognized"), seen.count("TTSDone")) != (1, 1):
        raise Broken(f"got {', '.join(seen)}")


@check("states.turn-after-turn", "3")
async def turn_after_turn(bench: Bench) -> str:
    """Five turns on one call: five times SentenceRecognized, each with its own TTSDone before the next."""
    async with bench.dial() as call:
        for _ in range(5):
            await bench.turn(call)
        await call.fenced()
        marks = [name for name in names(call.frames) if name in ("SentenceRecognized", "TTSDone")]
    if marks != ["SentenceRecognized", "TTSDone"] * 5:
        raise Broken(f"got {', '.join(marks)}")
    return "5 turns"


@check("states.speak-the-moment-it-is-done", "3")
async def speak_the_moment_it_is_done(bench: Bench) -> str:
    """The server listens before it says TTSDone: speech that begins the moment that it lands is recognised."""
    async with bench.dial() as call:
        await bench.turn(call)
        seen = await bench.spoken_turn(call)
        return str(seen[0].payload.get("sentence"))


@check("states.audio-in-process-is-dropped", "3")
async def audio_in_process_is_dropped(bench: Bench) -> str:
    """Speech that is heard while InProcess never becomes a turn, nor a part of the next one's text."""

    async def speak_over(call: Call) -> None:
        await call.send(*(wire.audio(bench.speech[at : at + 3200]) for at in range(0, len(bench.speech), 3200)))

    _, _, after = await bench.in_process(speak_over)
    if after:
        raise Broken(f"after TTSDone came {', '.join(names(after))}", after[0])
    return "spoken over, not heard"


@check("states.spoken-over-then-silence", "3")
async def spoken_over_then_silence(bench: Bench) -> str:
    """Nor does it when silence follows: two seconds of it after TTSDone begin no turn."""
    async with bench.dial() as call:
        await bench.begin_turn(call)
        await call.send(*(wire.audio(bench.speech[at : at + 3200]) for at in range(0, len(bench.speech), 3200)))
        await call.round_trip()
        if any(down.name == "TTSDone" for down in call.unread()):
            raise NotTried("replies are over too soon to speak over them")
        await call.until("TTSDone")
        async with call.speaking(b""):
            await asyncio.sleep(2 / bench.options.pace)
            after = await call.fenced()
    if after:
        raise Broken(f"after TTSDone came {', '.join(names(after))}", after[0])
    return "nothing came"


@check("states.bad-frame-in-process", "4")
async def bad_frame_in_process(bench: Bench) -> str:
    """A bad frame while InProcess is answered, and changes no state: the turn ends with TTSDone."""
    async with bench.dial() as call:
        seen = await bench.begin_turn(call)
        await call.send(BAD_FRAME)
        seen += await call.until("TTSDone")
        if "BotError BadFrame" not in names(seen):
            seen += await call.until("BotError")
        await call.fenced()
        if names(call.frames).count("TTSDone") != 1:
            raise Broken(f"got {', '.join(names(call.frames))}")
    return ", ".join(names(seen))


@check("states.bad-frame-while-idle", "4")
async def bad_frame_while_idle(bench: Bench) -> None:
    """A bad frame in the middle of an utterance is answered, and the utterance is recognised all the same."""
    async with bench.dial() as call:
        half = len(bench.speech) // 2 // 3200 * 3200
        await call.send(wire.audio(bench.speech[:half]), BAD_FRAME)
        seen = await bench.spoken_turn(call, bench.speech[half:])
    if names(seen).count("SentenceRecognized") != 1 or "BotError BadFrame" not in names(seen):
        raise Broken(f"got {', '.join(names(seen))}")


@check("states.calls-are-apart", "3")
async def calls_are_apart(bench: Bench) -> None:
    """A turn of one call is not seen in another that is open beside it."""
    async with bench.dial() as one, bench.dial() as other:
        await bench.turn(one)
        if seen := await other.fenced():
            raise Broken(f"the other call got {', '.join(names(seen))}", seen[0])


@check("states.hanging-up-in-process", "3")
async def hanging_up_in_process(bench: Bench) -> None:
    """Who hangs up while InProcess does no harm: the next call works."""
    async with bench.dial() as call:
        await bench.begin_turn(call)
    async with bench.dial() as call:
        await bench.turn(call)
