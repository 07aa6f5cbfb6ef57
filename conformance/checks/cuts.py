"""Group `resume`: calls whose connection is cut, where the server keeps them for their clients."""

import secrets
import uuid

from conformance.bench import Bench
from conformance.call import names
from conformance.kept import NEW, back, goes_on, is_new, kept, name_of, position, resume_of, stands
from conformance.verdict import Broken, check

GONE = 9_999


@check("resume.kept-when-asked", "5")
async def kept_when_asked(bench: Bench) -> str:
    """With `resume=true` BotReady says where the call stands, 0 and 0, and for how many seconds it will wait."""
    async with kept(bench) as (call, _):
        seconds = resume_of(call).get("seconds")
        if stands(call) != NEW or isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            raise Broken("BotReady does not say so", call.frames[0])
        return f"{seconds:g} s"


@check("resume.not-kept-unasked", "5")
async def not_kept_unasked(bench: Bench) -> None:
    """A client that did not ask is told nothing of it, and nobody waits for it: coming back begins a new call."""
    async with kept(bench):
        pass
    sid = f"conformance-{uuid.uuid4().hex}"
    async with bench.dial(sid=sid) as call:
        if "resume" in call.frames[0].payload:
            raise Broken("it was told unasked", call.frames[0])
        await bench.begin_turn(call)
        call.cut()
    async with back(bench, sid, 1, 1, secrets.token_urlsafe(12)) as again:
        is_new(again, "unknown")


@check("resume.wrong-wish", "5")
async def wrong_wish(bench: Bench) -> None:
    """A wrong value of `resume` in the address is a BadEvent after BotReady, and is ignored otherwise."""
    async with kept(bench):
        pass
    for wish in ("perhaps", "-1:2", "1:2:3", "1:x", "1:2:not/a/name"):
        async with bench.dial(query={"resume": wish}) as call:
            if "resume" in call.frames[0].payload:
                raise Broken(f"resume={wish} was taken", call.frames[0])
            error = (await call.until("BotError"))[-1]
            if error.code != "BadEvent":
                raise Broken(f"resume={wish}", error)


@check("resume.frames-again", "5")
async def frames_again(bench: Bench) -> str:
    """After a cut everything that followed the frame asked for comes again, byte for byte, also where all of it had
    arrived.
    """
    async with kept(bench) as (call, sid):
        await bench.turn(call)
        call.cut()
    sent = [down.raw for down in call.frames[1:]]
    middle = len(sent) // 2
    for have in (middle, 1, len(sent)):
        turn, frame = position(call.frames[: have + 1])
        async with back(bench, sid, turn, frame, name_of(call)) as again:
            goes_on(again, turn, frame)
            for place in range(have, len(sent)):
                if (down := await again.next()).raw != sent[place]:
                    raise Broken(f"frame {place + 1} is another than before the cut", down)
            await again.fenced()
            again.cut()
    return f"{len(sent)} frames, from three places"


@check("resume.rest-of-the-turn", "5")
async def rest_of_the_turn(bench: Bench) -> str:
    """Cut in the middle of a reply, a call goes on after the last frame that its client has: every sentence and one
    TTSDone, nothing twice.
    """
    async with bench.dial() as call:
        whole = names(await bench.turn(call))
    async with kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        call.cut()
    turn, frame = position([call.frames[0], *seen])
    async with back(bench, sid, turn, frame, name_of(call)) as again:
        goes_on(again, turn, frame)
        told = names(seen + await again.until("TTSDone"))
    if told.count("SentenceRecognized") != 1 or told[-1] != "TTSDone" or ("audio" in whole) != ("audio" in told):
        raise Broken(f"got {', '.join(told)}; without a cut {', '.join(whole)}")
    return ", ".join(told)


@check("resume.next-turn", "5")
async def next_turn(bench: Bench) -> None:
    """A call that goes on takes the next turn, and counts it on."""
    async with kept(bench, turn_ids="true") as (call, sid):
        await bench.turn(call)
        call.cut()
    turn, frame = position(call.frames)
    async with back(bench, sid, turn, frame, name_of(call)) as again:
        goes_on(again, turn, frame)
        for down in await bench.turn(again):
            if down.turn not in {0, turn + 1}:
                raise Broken(f"it is turn {turn + 1}", down)


@check("resume.interrupt-after", "5")
async def interrupt_after(bench: Bench) -> str:
    """BotInterrupt ends the turn of a call that goes on: one TTSDone, and nothing of the reply after it."""
    await bench.needs("BotInterrupt")
    async with kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        call.cut()
    turn, frame = position([call.frames[0], *seen])
    async with back(bench, sid, turn, frame, name_of(call)) as again:
        goes_on(again, turn, frame)
        await again.tell("BotInterrupt")
        told = await again.until("TTSDone")
        if after := await again.fenced():
            raise Broken("the reply went on", after[0])
    return ", ".join(names(told))


@check("resume.unknown-call", "5")
async def unknown_call(bench: Bench) -> None:
    """Where no call waits, BotReady says 0 and 0 and `unknown`; the new call is Idle and takes a turn."""
    async with kept(bench):
        pass
    async with back(bench, f"conformance-{uuid.uuid4().hex}", 3, 7, secrets.token_urlsafe(12)) as call:
        is_new(call, "unknown")
        await bench.turn(call)


@check("resume.frame-gone", "5")
async def frame_gone(bench: Bench) -> None:
    """Where the call waits but never sent the frame asked for, BotReady says 0 and 0 and `gone`; the new call is Idle
    and takes a turn.
    """
    async with kept(bench) as (call, sid):
        await bench.begin_turn(call)
        call.cut()
    async with back(bench, sid, 1, GONE, name_of(call)) as again:
        is_new(again, "gone")
        await bench.turn(again)


@check("resume.goodbye", "5")
async def goodbye(bench: Bench) -> None:
    """Who closes with 1000, or with no code, has hung up: nobody waits."""
    for code in (1000, None):
        async with kept(bench) as (call, sid):
            await bench.begin_turn(call)
            await (call.socket.close(code) if code else call.socket.close())
        async with back(bench, sid, 1, 1, name_of(call)) as again:
            is_new(again, "unknown")


@check("resume.back-soon", "5")
async def back_soon(bench: Bench) -> None:
    """Who closes with 4000 comes back, and is waited for."""
    async with kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        await call.socket.close(4000)
    turn, frame = position([call.frames[0], *seen])
    async with back(bench, sid, turn, frame, name_of(call)) as again:
        goes_on(again, turn, frame)
        await again.until("TTSDone")


@check("resume.older-is-told", "5")
async def older_is_told(bench: Bench) -> None:
    """A connection of the call that still lives is told BadSession and closed with 1008; the newer one goes on."""
    async with kept(bench) as (call, sid):
        await bench.turn(call)
        turn, frame = position(call.frames)
        async with back(bench, sid, turn, frame, name_of(call)) as again:
            goes_on(again, turn, frame)
            if (code := await call.closed()) != 1008 or call.frames[-1].code != "BadSession":
                raise Broken(f"closed with {code} after", call.frames[-1])
            await bench.turn(again)


@check("resume.taken-up", "2")
async def taken_up(bench: Bench) -> None:
    """Of two live connections with one sid the newer has the conversation: the older is told BadSession, and closed
    with 1008.
    """
    sid = f"conformance-{uuid.uuid4().hex}"
    async with bench.dial(sid=sid) as older, bench.dial(sid=sid) as newer:
        if (code := await older.closed()) != 1008 or older.frames[-1].code != "BadSession":
            raise Broken(f"closed with {code} after", older.frames[-1])
        await bench.turn(newer)
