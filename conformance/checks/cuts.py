"""Group `resume`: calls whose connection is cut, where the server keeps them for their clients."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from conformance.bench import Bench
from conformance.call import Call, names
from conformance.verdict import Broken, NotOffered, check
from conformance.wire import Down

NEW = {"turn": 0, "frame": 0}
GONE = 9_999


def _resume(call: Call) -> dict[str, Any]:
    """What BotReady says of resuming."""
    told = call.frames[0].payload.get("resume")
    return told if isinstance(told, dict) else {}


def _stands(call: Call) -> dict[str, Any]:
    return {key: _resume(call).get(key) for key in NEW}


def _position(frames: Sequence[Down]) -> tuple[int, int]:
    """Counted as a client counts; the first frame is BotReady."""
    turn = frame = 0
    for down in frames[1:]:
        turn, frame = (turn + 1, 1) if down.name == "SentenceRecognized" else (turn, frame + 1)
    return turn, frame


async def _offered(bench: Bench) -> bool:
    async with bench.dial(query={"resume": "true"}) as call:
        return "resume" in call.frames[0].payload


@asynccontextmanager
async def _kept(bench: Bench, **query: str) -> AsyncIterator[tuple[Call, str]]:
    """A call that is kept, and its conversation."""
    await bench.needs("UserText")
    if not await bench.once("resume", lambda: _offered(bench)):
        raise NotOffered("the server does not know resume")
    sid = f"conformance-{uuid.uuid4().hex}"
    async with bench.dial(query={"sid": sid, "resume": "true", **query}) as call:
        yield call, sid


@asynccontextmanager
async def _back(bench: Bench, sid: str, turn: int, frame: int) -> AsyncIterator[Call]:
    """Come back."""
    async with bench.dial(query={"sid": sid, "resume": f"{turn}:{frame}"}) as call:
        yield call


def _goes_on(call: Call, turn: int, frame: int) -> None:
    if _stands(call) != {"turn": turn, "frame": frame}:
        raise Broken(f"asked to go on after {turn}:{frame}", call.frames[0])


def _is_new(call: Call, reason: str) -> None:
    if _stands(call) != NEW or _resume(call).get("refused") != reason:
        raise Broken(f"not a new call for the reason {reason!r}", call.frames[0])


@check("resume.kept-when-asked", "5")
async def kept_when_asked(bench: Bench) -> str:
    """With `resume=true` BotReady says where the call stands, 0 and 0, and for how many seconds it will wait."""
    async with _kept(bench) as (call, _):
        told = _resume(call)
        seconds = told.get("seconds")
        if _stands(call) != NEW or isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            raise Broken("BotReady does not say so", call.frames[0])
        return f"{seconds:g} s"


@check("resume.not-kept-unasked", "5")
async def not_kept_unasked(bench: Bench) -> None:
    """A client that did not ask is told nothing of it, and nobody waits for it: coming back begins a new call."""
    async with _kept(bench):
        pass
    sid = f"conformance-{uuid.uuid4().hex}"
    async with bench.dial(sid=sid) as call:
        if "resume" in call.frames[0].payload:
            raise Broken("it was told unasked", call.frames[0])
        await bench.begin_turn(call)
        call.cut()
    async with _back(bench, sid, 1, 1) as again:
        _is_new(again, "unknown")


@check("resume.wrong-wish", "5")
async def wrong_wish(bench: Bench) -> None:
    """A wrong value of `resume` in the address is a BadEvent after BotReady, and is ignored otherwise."""
    async with _kept(bench):
        pass
    for wish in ("perhaps", "-1:2", "1:2:3", "1:x"):
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
    async with _kept(bench) as (call, sid):
        await bench.turn(call)
        call.cut()
    sent = [down.raw for down in call.frames[1:]]
    middle = len(sent) // 2
    for kept in (middle, 1, len(sent)):
        turn, frame = _position(call.frames[: kept + 1])
        async with _back(bench, sid, turn, frame) as again:
            _goes_on(again, turn, frame)
            for place in range(kept, len(sent)):
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
    async with _kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        call.cut()
    turn, frame = _position([call.frames[0], *seen])
    async with _back(bench, sid, turn, frame) as again:
        _goes_on(again, turn, frame)
        told = names(seen + await again.until("TTSDone"))
    if told.count("SentenceRecognized") != 1 or told[-1] != "TTSDone" or ("audio" in whole) != ("audio" in told):
        raise Broken(f"got {', '.join(told)}; without a cut {', '.join(whole)}")
    return ", ".join(told)


@check("resume.next-turn", "5")
async def next_turn(bench: Bench) -> None:
    """A call that goes on takes the next turn, and counts it on."""
    async with _kept(bench, turn_ids="true") as (call, sid):
        await bench.turn(call)
        call.cut()
    turn, frame = _position(call.frames)
    async with _back(bench, sid, turn, frame) as again:
        _goes_on(again, turn, frame)
        for down in await bench.turn(again):
            if down.turn not in {0, turn + 1}:
                raise Broken(f"it is turn {turn + 1}", down)


@check("resume.interrupt-after", "5")
async def interrupt_after(bench: Bench) -> str:
    """BotInterrupt ends the turn of a call that goes on: one TTSDone, and nothing of the reply after it."""
    await bench.needs("BotInterrupt")
    async with _kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        call.cut()
    turn, frame = _position([call.frames[0], *seen])
    async with _back(bench, sid, turn, frame) as again:
        _goes_on(again, turn, frame)
        await again.tell("BotInterrupt")
        told = await again.until("TTSDone")
        if after := await again.fenced():
            raise Broken("the reply went on", after[0])
    return ", ".join(names(told))


@check("resume.unknown-call", "5")
async def unknown_call(bench: Bench) -> None:
    """Where no call waits, BotReady says 0 and 0 and `unknown`; the new call is Idle and takes a turn."""
    async with _kept(bench):
        pass
    async with _back(bench, f"conformance-{uuid.uuid4().hex}", 3, 7) as call:
        _is_new(call, "unknown")
        await bench.turn(call)


@check("resume.frame-gone", "5")
async def frame_gone(bench: Bench) -> None:
    """Where the call waits but never sent the frame asked for, BotReady says 0 and 0 and `gone`; the new call is Idle
    and takes a turn.
    """
    async with _kept(bench) as (call, sid):
        await bench.begin_turn(call)
        call.cut()
    async with _back(bench, sid, 1, GONE) as again:
        _is_new(again, "gone")
        await bench.turn(again)


@check("resume.goodbye", "5")
async def goodbye(bench: Bench) -> None:
    """Who closes with 1000, or with no code, has hung up: nobody waits."""
    for code in (1000, None):
        async with _kept(bench) as (call, sid):
            await bench.begin_turn(call)
            await (call.socket.close(code) if code else call.socket.close())
        async with _back(bench, sid, 1, 1) as again:
            _is_new(again, "unknown")


@check("resume.back-soon", "5")
async def back_soon(bench: Bench) -> None:
    """Who closes with 4000 comes back, and is waited for."""
    async with _kept(bench) as (call, sid):
        seen = await bench.begin_turn(call)
        await call.socket.close(4000)
    turn, frame = _position([call.frames[0], *seen])
    async with _back(bench, sid, turn, frame) as again:
        _goes_on(again, turn, frame)
        await again.until("TTSDone")


@check("resume.older-is-told", "5")
async def older_is_told(bench: Bench) -> None:
    """A connection of the call that still lives is told BadSession and closed with 1008; the newer one goes on."""
    async with _kept(bench) as (call, sid):
        await bench.turn(call)
        turn, frame = _position(call.frames)
        async with _back(bench, sid, turn, frame) as again:
            _goes_on(again, turn, frame)
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
